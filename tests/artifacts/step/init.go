package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/smallstep/certificates/cas/apiv1"
	_ "github.com/smallstep/certificates/cas/softcas"
	"github.com/smallstep/certificates/pki"
)

// What upstream asks for at the terminal must be given here.
func initialize(w *words) error {
	for _, name := range []string{"name", "dns", "address", "password-file"} {
		if w.flag(name) == "" {
			return fmt.Errorf("flag '--%s' is required: this stand-in asks nothing", name)
		}
	}
	if kind := w.flag("deployment-type"); kind != "" && kind != "standalone" {
		return errors.New("only '--deployment-type standalone' is in this stand-in")
	}
	read := func(name string) ([]byte, error) {
		text, err := os.ReadFile(w.flag(name))
		return []byte(strings.TrimRight(string(text), "\r\n")), err
	}
	password, err := read("password-file")
	if err != nil {
		return err
	}
	forProvisioner := password
	if w.flag("provisioner-password-file") != "" {
		if forProvisioner, err = read("provisioner-password-file"); err != nil {
			return err
		}
	}
	provisioner := w.flag("provisioner")
	if provisioner == "" {
		provisioner = "admin"
	}
	options := []pki.Option{
		pki.WithAddress(w.flag("address")), pki.WithDNSNames(w.all("dns")), pki.WithProvisioner(provisioner),
		pki.WithDeploymentType(pki.StandaloneDeployment),
	}
	if w.flag("acme") != "" {
		options = append(options, pki.WithACME())
	}
	made, err := pki.New(apiv1.Options{Type: apiv1.SoftCAS, IsCreator: true}, options...)
	if err != nil {
		return err
	}
	if _, err := os.Stat(made.GetCAConfigPath()); err == nil {
		return fmt.Errorf("%s is there already", made.GetCAConfigPath())
	}
	if err := made.GenerateKeyPairs(forProvisioner); err != nil {
		return err
	}
	name := w.flag("name")
	authority, err := made.GenerateRootCertificate(name, name, name, password)
	if err != nil {
		return err
	}
	if err := made.GenerateIntermediateCertificate(name, name, name, authority, password); err != nil {
		return err
	}
	return made.Save()
}

// Only provisioners of ACME, written into the file as upstream does it without remote management.
func addProvisioner(w *words) error {
	if len(w.plain) != 1 || !strings.EqualFold(w.flag("type"), "ACME") {
		return errors.New("only 'step ca provisioner add NAME --type ACME' is in this stand-in")
	}
	path := settings(w).Config
	if path == "" {
		path = filepath.Join(stepPath(), "config", "ca.json")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return err
	}
	authority, _ := config["authority"].(map[string]any)
	if authority == nil {
		return fmt.Errorf("%s has no authority", path)
	}
	provisioners, _ := authority["provisioners"].([]any)
	for _, one := range provisioners {
		if one, ok := one.(map[string]any); ok && one["name"] == w.plain[0] {
			return fmt.Errorf("provisioner with name %s already exists", w.plain[0])
		}
	}
	authority["provisioners"] = append(provisioners, map[string]any{"type": "ACME", "name": w.plain[0]})
	if text, err = json.MarshalIndent(config, "", "\t"); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}
