//! Schemas: the JSON Schema of each file, from the types that decode it.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use crate::format::{
    certificate::Manifest, hypervisor::HypervisorFile, lxc::LxcFile, stack::Stack, stack::StacksFile,
    vm::VmFile,
};

/// A sort of configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `phoenix_hypervisor_config.json`.
    Hypervisor,
    /// `phoenix_lxc_configs.json`.
    Lxc,
    /// `phoenix_vm_configs.json`.
    Vm,
    /// `stacks/<name>/phoenix.json`.
    Stack,
    /// `phoenix_stacks_config.json`, the predecessor's.
    Stacks,
    /// `certificate-manifest.json`.
    Certificates,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Hypervisor, Self::Lxc, Self::Vm, Self::Stack, Self::Stacks, Self::Certificates];

    /// Returns the word for it on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hypervisor => "hypervisor",
            Self::Lxc => "lxc",
            Self::Vm => "vm",
            Self::Stack => "stack",
            Self::Stacks => "stacks",
            Self::Certificates => "certificates",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = crate::ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| crate::ConfigError::UnknownKind(text.to_owned()))
    }
}

/// Returns the JSON Schema of a sort of file.
pub fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Hypervisor => of::<HypervisorFile>(),
        Kind::Lxc => of::<LxcFile>(),
        Kind::Vm => of::<VmFile>(),
        Kind::Stack => of::<Stack>(),
        Kind::Stacks => of::<StacksFile>(),
        Kind::Certificates => of::<Manifest>(),
    }
}

fn of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}
