//! Who is calling: tickets with their token against forged requests, and API tokens. Tickets are signed and say when
//! they were made, so none is remembered.

use std::time::Duration;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, COOKIE},
};
use percent_encoding::percent_decode_str;
use ring::hmac;

use crate::{
    serve::keep::Keys,
    state::{access::Access, now},
};

/// How far in the future a ticket may have been made, by clocks that differ.
const SKEW: u64 = 300;

/// Somebody who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// With a ticket: writes need the token against forged requests.
    Ticket {
        /// The user.
        user: String,
    },
    /// With an API token.
    Token {
        /// Whose it is.
        user: String,
        /// Its name.
        name: String,
    },
}

/// Why somebody is not let in: the reason phrases of PVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stranger {
    /// Nothing was shown.
    Nothing,
    /// What was shown is not good, or not any more.
    Bad,
    /// A write without the token against forged requests, or with another one.
    Forged,
}

impl Stranger {
    /// Returns the reason phrase.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Nothing => "No ticket",
            Self::Bad => "Authentication failed!",
            Self::Forged => "Permission denied - invalid csrf token",
        }
    }
}

/// Finds out who is calling.
pub(super) fn authenticate(
    keys: &Keys,
    access: &Access,
    life: Duration,
    headers: &HeaderMap,
    writes: bool,
) -> Result<Caller, Stranger> {
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some(text) = authorization.strip_prefix("PVEAPIToken=") {
        return token(keys, access, text);
    }
    let ticket = cookie(headers).or_else(|| authorization.strip_prefix("PVEAuthCookie=").map(decoded));
    let ticket = ticket.filter(|ticket| !ticket.is_empty()).ok_or(Stranger::Nothing)?;
    let user = holder(keys, life, &ticket).filter(|user| access.is_let_in(user)).ok_or(Stranger::Bad)?;
    if writes {
        let shown = headers.get("CSRFPreventionToken").and_then(|value| value.to_str().ok());
        if !shown.is_some_and(|shown| is_own(keys, life, &user, shown)) {
            return Err(Stranger::Forged);
        }
    }
    Ok(Caller::Ticket { user })
}

/// Returns a new ticket and its token against forged requests.
pub(super) fn issue(keys: &Keys, user: &str) -> (String, String) {
    let time = format!("{:08X}", now());
    let plain = format!("PVE:{user}:{time}");
    let ticket = format!("{plain}::{}", STANDARD.encode(sign(keys, &plain)));
    let csrf = format!("{time}:{}", STANDARD_NO_PAD.encode(sign(keys, &guard(user, &time))));
    (ticket, csrf)
}

/// Returns whose ticket it is; nobody's if it is not good, or not any more.
pub(super) fn holder(keys: &Keys, life: Duration, ticket: &str) -> Option<String> {
    let (plain, signature) = ticket.split_once("::")?;
    let (user, time) = plain.strip_prefix("PVE:")?.rsplit_once(':')?;
    let is_good = is_fresh(life, time) && is_signed(keys, plain, &STANDARD.decode(signature).ok()?);
    is_good.then(|| user.to_owned())
}

fn is_own(keys: &Keys, life: Duration, user: &str, shown: &str) -> bool {
    let Some((time, signature)) = shown.split_once(':') else { return false };
    let Ok(signature) = STANDARD_NO_PAD.decode(signature) else { return false };
    is_fresh(life, time) && is_signed(keys, &guard(user, time), &signature)
}

fn token(keys: &Keys, access: &Access, text: &str) -> Result<Caller, Stranger> {
    let text = decoded(text);
    let (id, secret) = text.split_once('=').ok_or(Stranger::Bad)?;
    let token = access.token(id).ok_or(Stranger::Bad)?;
    // Compared as signatures, so that the time it takes tells nothing about the secret.
    let is_right = is_signed(keys, secret, sign(keys, &token.secret).as_ref());
    let is_over = token.expire != 0 && token.expire <= now();
    let (user, name) = id.split_once('!').ok_or(Stranger::Bad)?;
    match is_right && !is_over && access.is_let_in(user) {
        true => Ok(Caller::Token { user: user.to_owned(), name: name.to_owned() }),
        false => Err(Stranger::Bad),
    }
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|pairs| pairs.split(';'))
        .find_map(|pair| pair.trim().strip_prefix("PVEAuthCookie=").map(decoded))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn guard(user: &str, time: &str) -> String {
    format!("csrf:{user}:{time}")
}

fn is_fresh(life: Duration, time: &str) -> bool {
    let Ok(made) = u64::from_str_radix(time, 16) else { return false };
    let now = now();
    made <= now + SKEW && now.saturating_sub(made) < life.as_secs().max(1)
}

fn sign(keys: &Keys, text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &keys.signing), text.as_bytes())
}

fn is_signed(keys: &Keys, text: &str, signature: &[u8]) -> bool {
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &keys.signing), text.as_bytes(), signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(7200);

    fn keys(signing: u8) -> Keys {
        Keys { signing: vec![signing; 32] }
    }

    #[test]
    fn a_ticket_is_good_for_who_signed_it_and_as_long_as_it_lives() {
        let (ticket, csrf) = issue(&keys(1), "root@pam");
        assert_eq!(holder(&keys(1), LIFE, &ticket).as_deref(), Some("root@pam"));
        assert_eq!(holder(&keys(2), LIFE, &ticket), None);
        let forged = ticket.replace("root@pam", "ghost@pam");
        assert_eq!(holder(&keys(1), LIFE, &forged), None);
        let old = format!("PVE:root@pam:{:08X}", now() - 7300);
        let signed = format!("{old}::{}", STANDARD.encode(sign(&keys(1), &old)));
        assert_eq!(holder(&keys(1), LIFE, &signed), None);
        assert!(is_own(&keys(1), LIFE, "root@pam", &csrf));
        assert!(!is_own(&keys(1), LIFE, "ghost@pam", &csrf));
    }
}
