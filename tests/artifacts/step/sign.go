package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/smallstep/certificates/api"
	"github.com/smallstep/certificates/authority/provisioner"
	"github.com/smallstep/certificates/ca"
)

// What upstream asks for at the terminal must be given here.
func online(w *words) (defaults, error) {
	set := settings(w)
	if set.URL == "" || set.Root == "" {
		return set, errors.New("the flags '--ca-url' and '--root' are required")
	}
	return set, nil
}

// A provisioner whose key its password opens.
func signer(w *words, set defaults) (*ca.Provisioner, error) {
	if w.flag("provisioner") == "" || w.flag("provisioner-password-file") == "" {
		return nil, errors.New("the flags '--provisioner' and '--provisioner-password-file' are required: this stand-in asks nothing")
	}
	password, err := os.ReadFile(w.flag("provisioner-password-file"))
	if err != nil {
		return nil, err
	}
	password = bytes.TrimRight(password, "\r\n")
	return ca.NewProvisioner(w.flag("provisioner"), "", set.URL, password, ca.WithRootFile(set.Root))
}

func readRequest(path string) (*x509.CertificateRequest, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, fmt.Errorf("error parsing %s: file is not a certificate request", path)
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	if err := request.CheckSignature(); err != nil {
		return nil, fmt.Errorf("csr has invalid signature: %w", err)
	}
	return request, nil
}

// Names and addresses alike, as upstream puts them into the token.
func sansOf(request *x509.CertificateRequest) (found []string) {
	found = append(found, request.DNSNames...)
	for _, address := range request.IPAddresses {
		found = append(found, address.String())
	}
	return found
}

func sign(w *words) error {
	if len(w.plain) != 2 {
		return errors.New("not enough or too many positional arguments were provided in 'step ca sign <csr-file> <crt-file>'")
	}
	set, err := online(w)
	if err != nil {
		return err
	}
	request, err := readRequest(w.plain[0])
	if err != nil {
		return err
	}
	from, err := signer(w, set)
	if err != nil {
		return err
	}
	token, err := from.Token(request.Subject.CommonName, sansOf(request)...)
	if err != nil {
		return err
	}
	asked := &api.SignRequest{CsrPEM: api.NewCertificateRequest(request), OTT: token}
	if until := w.flag("not-after"); until != "" {
		if asked.NotAfter, err = provisioner.ParseTimeDuration(until); err != nil {
			return fmt.Errorf("invalid value '%s' for flag '--not-after'", until)
		}
	}
	signed, err := from.Sign(asked)
	if err != nil {
		return err
	}
	var chain []byte
	for _, one := range signed.CertChainPEM {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Raw})...)
	}
	if err := write(w.plain[1], chain, w); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "✔ CA: %s\n✔ Certificate: %s\n", set.URL, w.plain[1])
	return nil
}

// Only tokens that take certificates back.
func revokingToken(w *words) error {
	if len(w.plain) != 1 || w.flag("revoke") == "" {
		return errors.New("only 'step ca token --revoke SERIAL' is in this stand-in")
	}
	set, err := online(w)
	if err != nil {
		return err
	}
	from, err := signer(w, set)
	if err != nil {
		return err
	}
	from.SetAudience(strings.TrimRight(set.URL, "/") + "/1.0/revoke")
	token, err := from.Token(w.plain[0])
	if err == nil {
		fmt.Println(token)
	}
	return err
}

func revoke(w *words) error {
	if len(w.plain) != 1 || w.flag("token") == "" {
		return errors.New("only 'step ca revoke --token TOKEN SERIAL' is in this stand-in")
	}
	set, err := online(w)
	if err != nil {
		return err
	}
	client, err := ca.NewClient(set.URL, ca.WithRootFile(set.Root))
	if err != nil {
		return err
	}
	serial := w.plain[0]
	if _, err := client.Revoke(&api.RevokeRequest{Serial: serial, OTT: w.flag("token"), Passive: true}, nil); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Certificate with Serial Number %s has been revoked.\n", serial)
	return nil
}
