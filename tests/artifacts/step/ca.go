package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What `ca bootstrap` leaves, and every other command falls back on.
type defaults struct {
	URL         string `json:"ca-url"`
	Config      string `json:"ca-config"`
	Fingerprint string `json:"fingerprint"`
	Root        string `json:"root"`
}

func settings(w *words) defaults {
	var found defaults
	if text, err := os.ReadFile(filepath.Join(stepPath(), "config", "defaults.json")); err == nil {
		_ = json.Unmarshal(text, &found)
	}
	for name, place := range map[string]*string{"ca-url": &found.URL, "ca-config": &found.Config, "fingerprint": &found.Fingerprint, "root": &found.Root} {
		if value := w.flag(name); value != "" {
			*place = value
		}
	}
	if found.URL != "" && !strings.Contains(found.URL, "://") {
		found.URL = "https://" + found.URL
	}
	return found
}

func get(url string, trust *tls.Config) ([]byte, error) {
	client := http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{TLSClientConfig: trust}}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("client GET %s failed: %w", url, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && answer.StatusCode >= 400 {
		err = fmt.Errorf("%s: %s", answer.Status, strings.TrimSpace(string(body)))
	}
	return body, err
}

func health(w *words) error {
	set := settings(w)
	if set.URL == "" {
		return errors.New("'step ca health' requires the '--ca-url' flag")
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if set.Root != "" {
		roots, err := readCertificates(set.Root)
		if err != nil {
			return err
		}
		trust.RootCAs = x509.NewCertPool()
		for _, one := range roots {
			trust.RootCAs.AddCert(one)
		}
	}
	body, err := get(strings.TrimRight(set.URL, "/")+"/health", trust)
	if err != nil {
		return err
	}
	var said struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return err
	}
	fmt.Println(said.Status)
	if said.Status != "ok" {
		return fmt.Errorf("%s is not healthy", set.URL)
	}
	return nil
}

// The root is told from others by its fingerprint alone, as upstream does it.
func fetchRoot(set defaults) (*x509.Certificate, error) {
	if set.URL == "" || set.Fingerprint == "" {
		return nil, errors.New("the flags '--ca-url' and '--fingerprint' are required")
	}
	wanted := strings.ToLower(strings.ReplaceAll(set.Fingerprint, ":", ""))
	body, err := get(strings.TrimRight(set.URL, "/")+"/root/"+wanted, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return nil, fmt.Errorf("error downloading root certificate: %w", err)
	}
	var said struct {
		CA string `json:"ca"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(said.CA))
	if block == nil {
		return nil, errors.New("error downloading root certificate: it is no certificate")
	}
	one, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if sum(one) != wanted {
		return nil, errors.New("error downloading root certificate: the fingerprint of the certificate does not match")
	}
	return one, nil
}

func write(path string, text []byte, w *words) error {
	if _, err := os.Stat(path); err == nil && w.flag("force") == "" && w.flag("f") == "" {
		return fmt.Errorf("file %s already exists: use --force", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func root(w *words) error {
	one, err := fetchRoot(settings(w))
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Raw})
	if len(w.plain) == 0 {
		_, err = os.Stdout.Write(text)
		return err
	}
	if err := write(w.plain[0], text, w); err != nil {
		return err
	}
	fmt.Printf("The root certificate has been saved in %s.\n", w.plain[0])
	return nil
}

func bootstrap(w *words) error {
	set := settings(w)
	one, err := fetchRoot(set)
	if err != nil {
		return err
	}
	if w.flag("install") != "" {
		return errors.New("'--install' is not in this stand-in")
	}
	set.Root = filepath.Join(stepPath(), "certs", "root_ca.crt")
	set.Config = filepath.Join(stepPath(), "config", "ca.json")
	text, err := json.MarshalIndent(set, "", "  ")
	if err != nil {
		return err
	}
	if err := write(set.Root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Raw}), w); err != nil {
		return err
	}
	fmt.Printf("The root certificate has been saved in %s.\n", set.Root)
	path := filepath.Join(stepPath(), "config", "defaults.json")
	if err := write(path, append(text, '\n'), w); err != nil {
		return err
	}
	fmt.Printf("The authority configuration has been saved in %s.\n", path)
	return nil
}
