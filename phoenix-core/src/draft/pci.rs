//! PCI devices of a host in a draft: what each function is, who drives it, and with which others it stands in a group of the IOMMU.

use super::Draft;

/// What is asked of all devices at once: in lines of a name and a value, an empty line behind each function.
const LSPCI: [&str; 5] = ["lspci", "-D", "-vmm", "-nn", "-k"];

/// A function of a PCI device.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PciFunction {
    /// Where it is: `0000:01:00.0`.
    pub address: String,
    /// The number of its class: `0300` is a display, `0604` a bridge.
    pub class: String,
    /// The numbers of its vendor and of what it is: `10de:2d04`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The driver that has it now.
    pub driver: Option<String>,
    /// The modules of the kernel that could drive it.
    pub modules: Vec<String>,
    /// Its group of the IOMMU, if that is on.
    pub group: Option<String>,
}

impl PciFunction {
    /// Returns its address without the function.
    pub fn slot(&self) -> &str {
        self.address.split('.').next().unwrap_or(&self.address)
    }

    /// Tells whether it is a graphics card of NVIDIA, be it for a screen or not.
    pub fn is_nvidia_card(&self) -> bool {
        self.id.starts_with("10de:") && matches!(self.class.as_str(), "0300" | "0302")
    }
}

impl Draft<'_> {
    /// Returns the PCI devices of the host, by their addresses; none if they cannot be listed.
    pub fn pci(&self) -> Option<Vec<PciFunction>> {
        let mut functions = functions(self.output(LSPCI)?);
        functions.sort();
        Some(functions)
    }
}

fn functions(text: &str) -> Vec<PciFunction> {
    let mut functions: Vec<PciFunction> = Vec::new();
    let mut vendor = String::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':').map(|(key, value)| (key, value.trim())) else {
            continue;
        };
        if key == "Slot" {
            functions.push(PciFunction { address: value.to_owned(), ..PciFunction::default() });
            continue;
        }
        let Some(function) = functions.last_mut() else { continue };
        match key {
            "Class" => function.class = number(value).1.to_owned(),
            "Vendor" => number(value).1.clone_into(&mut vendor),
            "Device" => {
                let (name, id) = number(value);
                (function.name, function.id) = (name.to_owned(), format!("{vendor}:{id}"));
            }
            "Driver" => function.driver = Some(value.to_owned()),
            "Module" => function.modules.push(value.to_owned()),
            "IOMMUGroup" => function.group = Some(value.to_owned()),
            _ => {}
        }
    }
    functions
}

/// Returns a name and the number behind it in brackets.
fn number(text: &str) -> (&str, &str) {
    text.strip_suffix(']').and_then(|text| text.rsplit_once(" [")).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_read_with_numbers_drivers_and_groups() {
        let text = "Slot:\t0000:01:00.0\nClass:\tVGA compatible controller [0300]\nVendor:\tNVIDIA Corporation [10de]\n\
                    Device:\tGB206 [GeForce RTX 5060 Ti] [2d04]\nRev:\ta1\nDriver:\tnvidia\nModule:\tnouveau\nModule:\tnvidia\n\
                    IOMMUGroup:\t12\n\nSlot:\t0000:02:00.0\nClass:\tNon-Volatile memory controller [0108]\n";
        let found = functions(text);
        assert_eq!(found.len(), 2);
        let PciFunction { id, class, name, driver, modules, group, .. } = &found[0];
        assert_eq!(
            (id.as_str(), class.as_str(), name.as_str()),
            ("10de:2d04", "0300", "GB206 [GeForce RTX 5060 Ti]")
        );
        assert_eq!((driver.as_deref(), modules.len(), group.as_deref()), (Some("nvidia"), 2, Some("12")));
        assert!(found[0].is_nvidia_card() && !found[1].is_nvidia_card());
        assert_eq!(found[0].slot(), "0000:01:00");
    }
}
