//! Loading: a directory becomes `Desired`, the host, and every finding at once.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use phoenix_core::{Desired, Diagnostic, Diagnostics, GuestKind, Severity};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Kind, Sources, cross,
    host::Host,
    lower,
    model::{CERTIFICATE_FILE, HYPERVISOR_FILE, LXC_FILE, Model, STACKS_FILE, Spot, StackFiles, VM_FILE},
    plugin::PluginUse,
    schema::schema,
    shape::{Shape, Strictness},
    source::{Syntax, escape},
};

/// What a config directory says.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Every guest. Not to be acted on if there are errors.
    pub desired: Desired,
    /// The host.
    pub host: Host,
    /// Everything that was found, each with its place, sorted by file and line.
    pub findings: Diagnostics,
    /// The texts, for excerpts and for places of later findings.
    pub sources: Sources,
}

/// The files of a config directory, read and checked each for itself.
#[derive(Debug)]
pub struct Files {
    model: Model,
    sources: Sources,
    findings: Diagnostics,
}

/// Reads a config directory. `features` are the names of the registered features; one that is known but not
/// registered is left out with a warning.
pub fn load(dir: &Path, features: &BTreeSet<String>) -> Loaded {
    Files::read(dir).load(features)
}

impl Files {
    /// Reads the files of a config directory.
    pub fn read(dir: &Path) -> Self {
        let mut reader = Reader::new(dir);
        let model = reader.read_all();
        let Reader { sources, findings, .. } = reader;
        Self { model, sources, findings }
    }

    /// Returns the plugins that they list, whose features are to be registered before what guests want is looked at.
    pub fn plugins(&self) -> Vec<PluginUse> {
        let listed = self.model.hypervisor.plugins.iter().enumerate();
        listed.map(|(index, plugin)| PluginUse::new(&self.model.dir, index, plugin)).collect()
    }

    /// Returns their texts, for the places of findings.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Checks them against each other and says what is desired, as [`load`] does.
    pub fn load(self, features: &BTreeSet<String>) -> Loaded {
        let Self { model, mut sources, mut findings } = self;
        let host = lower::host(&model);
        let mut desired = Desired::default();
        if let Some(model) = &Some(&model).filter(|model| !model.declared.is_empty() || model.has_hypervisor)
        {
            desired = lower::guests(model, (&host, &sources), features, &mut findings);
            cross::check(model, &host, &sources, &mut findings);
        }
        forgive_references(&mut findings);
        finish(&mut sources, &mut findings);
        Loaded { desired, host, findings, sources }
    }
}

/// Takes away what is said about references to guests where a file of guests could not be read: it may declare them.
fn forgive_references(findings: &mut Diagnostics) {
    let is_lost = |finding: &Diagnostic| {
        ["malformed-json", "unreadable-file"].contains(&&*finding.code)
            && finding.place.as_ref().is_some_and(|place| [LXC_FILE, VM_FILE].contains(&&*place.file))
    };
    if findings.iter().any(is_lost) {
        let references = ["dangling-clone", "dangling-dependency", "dangling-mount"];
        findings.0.retain(|finding| !references.contains(&&*finding.code));
    }
}

/// Places, sorts and rids the findings of repetitions.
fn finish(sources: &mut Sources, findings: &mut Diagnostics) {
    sources.locate(findings);
    let mut seen = BTreeSet::new();
    findings.0.retain(|finding| seen.insert(finding.clone()));
    findings.0.sort_by(|left, right| {
        let key = |finding: &Diagnostic| {
            finding.place.as_ref().map(|place| (Arc::clone(&place.file), place.line, place.column))
        };
        (key(left), left.severity, &left.code, &left.message).cmp(&(
            key(right),
            right.severity,
            &right.code,
            &right.message,
        ))
    });
}

/// Reads files and keeps what it finds.
pub(crate) struct Reader {
    dir: PathBuf,
    pub(crate) sources: Sources,
    pub(crate) findings: Diagnostics,
    schemas: std::collections::BTreeMap<&'static str, Value>,
}

impl Reader {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            sources: Sources::default(),
            findings: Diagnostics::new(),
            schemas: std::collections::BTreeMap::new(),
        }
    }

    pub(crate) fn read_all(&mut self) -> Model {
        let mut model = Model { dir: self.dir.clone(), ..Model::default() };
        if let Err(error) = fs::read_dir(&self.dir) {
            self.findings.push(unreadable_directory(&self.dir, &error));
            return model;
        }
        let present: Vec<bool> =
            [HYPERVISOR_FILE, LXC_FILE, VM_FILE].into_iter().map(|file| self.read(file)).collect();
        let [has_hypervisor, has_lxc, has_vm] = present[..] else { return model };
        model.has_hypervisor = has_hypervisor;
        self.missing_files(has_hypervisor, has_lxc, has_vm);
        model.hypervisor = self.decode(HYPERVISOR_FILE, Kind::Hypervisor).unwrap_or_default();
        self.read_profiles(&mut model);
        model.lxc = self.decode(LXC_FILE, Kind::Lxc).unwrap_or_default();
        model.vm = self.decode(VM_FILE, Kind::Vm).unwrap_or_default();
        self.declared(&mut model);
        if self.read(STACKS_FILE) {
            model.catalogue = self.decode(STACKS_FILE, Kind::Stacks);
        }
        if self.read(CERTIFICATE_FILE) {
            model.certificates = self.decode(CERTIFICATE_FILE, Kind::Certificates).unwrap_or_default();
        }
        self.read_stacks(&mut model);
        self.read_shipped_schemas();
        model
    }

    /// Reads the texts of AppArmor profiles that are files of their own.
    fn read_profiles(&mut self, model: &mut Model) {
        for (name, profile) in model.hypervisor.host.iter_mut().flat_map(|host| &mut host.apparmor_profiles) {
            let Some(file) = profile.file.as_ref().filter(|_| profile.text.is_none()) else { continue };
            let is_inside = !file.starts_with('/') && file.split('/').all(|part| part != "..");
            let text = is_inside.then(|| fs::read_to_string(self.dir.join(file)).ok()).flatten();
            if text.is_none() {
                let pointer = format!("/host/apparmor_profiles/{}/file", crate::source::escape(name));
                let message =
                    format!("the profile `{name}` has no text: `{file}` of this directory cannot be read");
                let finding = Diagnostic::error("missing-profile", message)
                    .with_hint("put the file there, or write its text as `text`")
                    .at_path(&HYPERVISOR_FILE.into(), pointer);
                self.findings.push(finding);
            }
            profile.text = text;
        }
    }

    /// Reads one file of the directory. Tells whether it is there.
    fn read(&mut self, file: &str) -> bool {
        match fs::read(self.dir.join(file)) {
            Ok(bytes) => {
                match String::from_utf8(bytes) {
                    Ok(text) => {
                        let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
                        let syntax = if file.ends_with(".json") { Syntax::Json } else { Syntax::Yaml };
                        let (_, findings) = self.sources.read(file, text, syntax);
                        self.findings.extend(findings);
                    }
                    Err(error) => {
                        let at = error.utf8_error().valid_up_to();
                        self.findings.push(
                            Diagnostic::error(
                                "unreadable-file",
                                format!("`{file}` is not UTF-8 from byte {at} on"),
                            )
                            .with_hint("save it as UTF-8")
                            .at_path(&file.into(), ""),
                        );
                    }
                }
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                let path = self.dir.join(file);
                self.findings.push(
                    Diagnostic::error(
                        "unreadable-file",
                        format!("could not read `{}`: {error}", path.display()),
                    )
                    .with_hint(format!("try `ls -l {}`", path.display()))
                    .at_path(&file.into(), ""),
                );
                true
            }
        }
    }

    fn missing_files(&mut self, has_hypervisor: bool, has_lxc: bool, has_vm: bool) {
        let dir = self.dir.display();
        if !has_hypervisor && !has_lxc && !has_vm {
            self.findings.push(
                Diagnostic::error("no-configuration", format!("`{dir}` holds no configuration")).with_hint(format!(
                    "it should hold `{HYPERVISOR_FILE}` and `{LXC_FILE}` or `{VM_FILE}`; name another with `--config-dir DIR`"
                )),
            );
            return;
        }
        if !has_hypervisor {
            self.findings.push(
                Diagnostic::warning(
                    "missing-file",
                    format!("`{dir}` has no `{HYPERVISOR_FILE}`; defaults hold"),
                )
                .with_hint("add one with `domain_name`, `timezone`, `network` and `zfs`"),
            );
        }
        match (has_lxc, has_vm) {
            (true, true) => {}
            (false, false) => self.findings.push(
                Diagnostic::error(
                    "missing-file",
                    format!("`{dir}` has neither `{LXC_FILE}` nor `{VM_FILE}`"),
                )
                .with_hint("at least one of them must be there"),
            ),
            (false, true) => self.absent(LXC_FILE, "containers"),
            (true, false) => self.absent(VM_FILE, "virtual machines"),
        }
    }

    fn absent(&mut self, file: &str, what: &str) {
        self.findings.push(Diagnostic::note(
            "missing-file",
            format!("`{}` has no `{file}`, so there are no {what}", self.dir.display()),
        ));
    }

    /// Checks a document against its schema and decodes what passes.
    pub(crate) fn decode<T: DeserializeOwned>(&mut self, file: &str, kind: Kind) -> Option<T> {
        let document = self.sources.document(file)?;
        if document.value.is_null() {
            return None;
        }
        let schema = self.schemas.entry(kind.as_str()).or_insert_with(|| schema(kind));
        let mut shape = Shape::new(schema, &document.file, Strictness::Own);
        let kept = shape.check(schema, &document.value, "");
        self.findings.extend(shape.findings);
        match serde_json::from_value(kept?) {
            Ok(decoded) => Some(decoded),
            Err(error) => {
                let finding = Diagnostic::error("bad-value", format!("could not decode `{file}`: {error}"))
                    .at_path(&document.file, "");
                self.findings.push(finding);
                None
            }
        }
    }

    fn declared(&self, model: &mut Model) {
        if let Some(map) =
            self.sources.document(LXC_FILE).and_then(|file| file.get("/lxc_configs")?.as_object())
        {
            for key in map.keys() {
                if let Ok(vmid) = key.trim().parse() {
                    let spot = Spot::new(LXC_FILE, format!("/lxc_configs/{}", escape(key)));
                    model.declared.entry(vmid).or_default().push((GuestKind::Lxc, spot));
                }
            }
        }
        if let Some(list) = self.sources.document(VM_FILE).and_then(|file| file.get("/vms")?.as_array()) {
            for (index, vm) in list.iter().enumerate() {
                let vmid = vm.get("vmid").and_then(|vmid| match vmid {
                    Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
                    Value::String(text) => text.trim().parse().ok(),
                    _ => None,
                });
                if let Some(vmid) = vmid {
                    let spot = Spot::new(VM_FILE, format!("/vms/{index}/vmid"));
                    model.declared.entry(vmid).or_default().push((GuestKind::Vm, spot));
                }
            }
        }
    }

    fn read_stacks(&mut self, model: &mut Model) {
        let Ok(entries) = fs::read_dir(self.dir.join("stacks")) else { return };
        let names: BTreeSet<String> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        for name in names {
            let manifest = format!("stacks/{name}/phoenix.json");
            let compose = ["docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml"]
                .into_iter()
                .map(|file| format!("stacks/{name}/{file}"))
                .find(|file| self.read(file));
            let files = StackFiles {
                manifest: self.read(&manifest).then(|| self.decode(&manifest, Kind::Stack)).flatten(),
                manifest_file: manifest.into(),
                compose_file: compose.map(Into::into),
            };
            model.stacks.insert(name, files);
        }
    }

    /// The predecessor's schemas are read so that what they refuse can be reported; nothing depends on them.
    fn read_shipped_schemas(&mut self) {
        for file in cross::SHIPPED_SCHEMAS {
            let before = self.findings.0.len();
            self.read(file);
            for finding in &mut self.findings.0[before..] {
                finding.severity = Severity::Warning;
            }
        }
    }
}

fn unreadable_directory(dir: &Path, error: &io::Error) -> Diagnostic {
    let shown = dir.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            Diagnostic::error("no-directory", format!("there is no directory `{shown}`")).with_hint(format!(
                "name the one that holds `{HYPERVISOR_FILE}` with `--config-dir DIR` or PHOENIX_CONFIG_DIR"
            ))
        }
        io::ErrorKind::NotADirectory => {
            Diagnostic::error("no-directory", format!("`{shown}` is not a directory"))
                .with_hint("name the directory, not a file in it, with `--config-dir DIR`")
        }
        _ => Diagnostic::error(
            "unreadable-directory",
            format!("could not read the directory `{shown}`: {error}"),
        )
        .with_hint(format!("try `ls -ld {shown}`")),
    }
}
