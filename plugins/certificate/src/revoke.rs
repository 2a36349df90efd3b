//! Taking a certificate back: the one step that the authority's own guest does for it.

use phoenix_core::{Action, Condition, Expect, GuestId, Probe, Site, Step, plan::Phase};

use crate::plan::FEATURE;

/// The program at the authority that takes certificates back; `step-ca` puts it there.
const REVOKE: &str = "/usr/local/lib/phoenix/revoke-certificate";

/// Returns the step that has an authority take back the certificate of a serial number in hex.
pub fn revocation(authority: GuestId, name: &str, serial: &str) -> Step {
    let site = Site::Guest(authority);
    // There is nothing to see of it afterwards but that the program, which ended well, is there.
    let proof = Condition::new(Probe::file(&site, REVOKE), Expect::Present);
    let argv = vec![REVOKE.to_owned(), decimal(serial)];
    let action = Action::Run { site, argv, stdin: None, proof };
    let verb = format!("revoke-{name}");
    Step::new(&authority.resource(), FEATURE, &verb, Phase::Provision, action, "it is not good any more")
}

/// Returns a number in hex, which may be longer than any that a machine counts with, in decimal.
fn decimal(hex: &str) -> String {
    let mut digits: Vec<u32> = vec![0];
    for value in hex.chars().filter_map(|digit| digit.to_digit(16)) {
        let mut carry = value;
        for digit in &mut digits {
            let sum = *digit * 16 + carry;
            (*digit, carry) = (sum % 10, sum / 10);
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().filter_map(|digit| char::from_digit(*digit, 10)).collect()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn numbers_of_any_length_are_written_in_decimal() {
        assert_eq!((decimal("0"), decimal("ff"), decimal("00FF")), ("0".into(), "255".into(), "255".into()));
        assert_eq!(decimal("E85DB2A4C4B77A5F5EE5B8B1C2D3E4F5"), "308867401953153197057786184486595323125");
        assert_eq!(
            decimal("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"),
            "87112285931760246646623899502532662132735"
        );
    }
}
