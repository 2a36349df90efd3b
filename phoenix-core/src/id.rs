//! Identifiers: every id is a type of its own, cheap to clone, ordered, and checked where it enters.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The number of a guest, unique in a cluster: 100 to 999999999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Vmid(pub u32);

/// The two kinds of guest that Proxmox VE has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestKind {
    /// A container (`pct`, `/nodes/N/lxc`).
    Lxc,
    /// A virtual machine (`qm`, `/nodes/N/qemu`).
    Vm,
}

/// A guest: its kind and its vmid, written `lxc/950` or `vm/9000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestId {
    /// Container or virtual machine.
    pub kind: GuestKind,
    /// Its number.
    pub vmid: Vmid,
}

/// A resource: `kind/name`, for instance `lxc/950`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(Arc<str>);

/// A step: `<resource>:<feature or manager>:<verb>`, the same on every run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(Arc<str>);

/// The place where software lives: a guest, or a node of the cluster itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// Inside a guest.
    Guest(GuestId),
    /// On a Proxmox VE node, by its name.
    Host(Arc<str>),
}

/// A text that is not an identifier of the wanted sort.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct IdError {
    /// The text.
    pub text: String,
    /// What it should have been, for a sentence.
    pub wanted: &'static str,
}

impl Vmid {
    /// The smallest vmid that Proxmox VE accepts.
    pub const MIN: u32 = 100;
    /// The largest vmid that Proxmox VE accepts.
    pub const MAX: u32 = 999_999_999;

    /// Returns the vmid, if Proxmox VE would accept the number.
    pub fn new(number: u32) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&number).then_some(Self(number))
    }
}

impl GuestKind {
    /// Returns the word for it in resource ids: `lxc` or `vm`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lxc => "lxc",
            Self::Vm => "vm",
        }
    }

    /// Returns the word for it in Proxmox VE's API paths: `lxc` or `qemu`.
    pub fn api_name(self) -> &'static str {
        match self {
            Self::Lxc => "lxc",
            Self::Vm => "qemu",
        }
    }

    /// Returns the word for it in sentences.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Lxc => "container",
            Self::Vm => "virtual machine",
        }
    }
}

impl GuestId {
    /// Returns the id of a container.
    pub fn lxc(vmid: u32) -> Self {
        Self { kind: GuestKind::Lxc, vmid: Vmid(vmid) }
    }

    /// Returns the id of a virtual machine.
    pub fn vm(vmid: u32) -> Self {
        Self { kind: GuestKind::Vm, vmid: Vmid(vmid) }
    }

    /// Returns the same id as that of a resource.
    pub fn resource(self) -> ResourceId {
        ResourceId(self.to_string().into())
    }
}

impl ResourceId {
    /// Returns the id of `name` among the resources of `kind`.
    pub fn new(kind: &str, name: &str) -> Self {
        Self(format!("{kind}/{name}").into())
    }

    /// Returns the part before the first slash.
    pub fn kind(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(kind, _)| kind)
    }

    /// Returns the part after the first slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }

    /// Returns the guest that this is the id of, if it is one.
    pub fn guest(&self) -> Option<GuestId> {
        self.0.parse().ok()
    }

    /// Returns the whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl StepId {
    /// Returns the id of the step `verb` of `owner` (a feature, or `guest` for the manager) on `resource`.
    pub fn new(resource: &ResourceId, owner: &str, verb: &str) -> Self {
        Self(format!("{resource}:{owner}:{verb}").into())
    }

    /// Returns the whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the owner's part: the feature's name, or `guest`.
    pub fn owner(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or("")
    }

    /// Returns the last part, the verb.
    pub fn verb(&self) -> &str {
        self.0.rsplit(':').next().unwrap_or("")
    }
}

impl Site {
    /// Returns the guest, if the site is one.
    pub fn guest(&self) -> Option<GuestId> {
        match self {
            Self::Guest(guest) => Some(*guest),
            Self::Host(_) => None,
        }
    }
}

impl From<GuestId> for ResourceId {
    fn from(guest: GuestId) -> Self {
        guest.resource()
    }
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for GuestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.vmid)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guest(guest) => guest.fmt(f),
            Self::Host(name) => write!(f, "host/{name}"),
        }
    }
}

impl FromStr for GuestId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wanted = || IdError { text: text.to_owned(), wanted: "a guest such as `lxc/950` or `vm/9000`" };
        let (kind, number) = text.split_once('/').ok_or_else(wanted)?;
        let kind = match kind {
            "lxc" => GuestKind::Lxc,
            "vm" => GuestKind::Vm,
            _ => return Err(wanted()),
        };
        let vmid = number.parse().ok().and_then(Vmid::new).ok_or_else(wanted)?;
        Ok(Self { kind, vmid })
    }
}

impl FromStr for ResourceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok(Self(text.into())),
            _ => Err(IdError { text: text.to_owned(), wanted: "a resource such as `lxc/950`" }),
        }
    }
}

impl FromStr for StepId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split(':').filter(|part| !part.is_empty()).count() {
            3 => Ok(Self(text.into())),
            _ => Err(IdError { text: text.to_owned(), wanted: "a step such as `lxc/950:guest:start`" }),
        }
    }
}

impl FromStr for Site {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.strip_prefix("host/") {
            Some(name) if !name.is_empty() => Ok(Self::Host(name.into())),
            _ => text.parse().map(Self::Guest),
        }
    }
}

// Keys of JSON objects are text. Inside a tagged enum serde no longer knows that one was meant as a number, so a vmid
// is read from either.
impl<'de> Deserialize<'de> for Vmid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Vmid;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a vmid")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Vmid, E> {
                number.try_into().map(Vmid).map_err(E::custom)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vmid, E> {
                text.parse().map(Vmid).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

macro_rules! serde_as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}
serde_as_text!(GuestId, ResourceId, StepId, Site);
