package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

func readCertificates(path string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var found []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("error parsing %s: %w", path, err)
		}
		found = append(found, one)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s contains no certificate", path)
	}
	return found, nil
}

func ofOneFile(w *words) ([]*x509.Certificate, error) {
	if len(w.plain) != 1 {
		return nil, errors.New("missing or too many positional arguments: one file is wanted")
	}
	return readCertificates(w.plain[0])
}

func sum(one *x509.Certificate) string {
	bytes := sha256.Sum256(one.Raw)
	return hex.EncodeToString(bytes[:])
}

func fingerprint(w *words) error {
	found, err := ofOneFile(w)
	if err == nil {
		fmt.Println(sum(found[0]))
	}
	return err
}

func inspect(w *words) error {
	found, err := ofOneFile(w)
	if err != nil {
		return err
	}
	if w.flag("bundle") == "" {
		found = found[:1]
	}
	for _, one := range found {
		switch w.flag("format") {
		case "pem":
			_ = pem.Encode(os.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: one.Raw})
		case "json":
			said := map[string]any{
				"subject_dn":         one.Subject.String(),
				"issuer_dn":          one.Issuer.String(),
				"serial_number":      one.SerialNumber.String(),
				"validity":           map[string]any{"start": one.NotBefore.UTC().Format(time.RFC3339), "end": one.NotAfter.UTC().Format(time.RFC3339)},
				"names":              one.DNSNames,
				"fingerprint_sha256": sum(one),
			}
			text, err := json.MarshalIndent(said, "", "  ")
			if err != nil {
				return err
			}
			fmt.Println(string(text))
		case "", "text":
			fmt.Printf("Certificate:\n    Serial Number: %s\n    Issuer: %s\n    Validity\n        Not Before: %s\n        Not After : %s\n    Subject: %s\n",
				one.SerialNumber, one.Issuer, one.NotBefore.UTC().Format(time.UnixDate), one.NotAfter.UTC().Format(time.UnixDate), one.Subject)
			if len(one.DNSNames) > 0 {
				fmt.Printf("    X509v3 Subject Alternative Name:\n        DNS:%s\n", strings.Join(one.DNSNames, ", DNS:"))
			}
		default:
			return fmt.Errorf("invalid value '%s' for flag '--format'", w.flag("format"))
		}
	}
	return nil
}

func verify(w *words) error {
	found, err := ofOneFile(w)
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{DNSName: w.flag("host"), Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, one := range found[1:] {
		options.Intermediates.AddCert(one)
	}
	for _, path := range w.all("roots") {
		roots, err := readCertificates(path)
		if err != nil {
			return err
		}
		if options.Roots == nil {
			options.Roots = x509.NewCertPool()
		}
		for _, one := range roots {
			options.Roots.AddCert(one)
		}
	}
	if _, err := found[0].Verify(options); err != nil {
		return fmt.Errorf("failed to verify certificate: %w", err)
	}
	return nil
}
