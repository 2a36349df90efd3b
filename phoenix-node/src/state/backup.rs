//! Backups: what an archive holds beside its bytes, so that a restore brings the guest back: its configuration, what
//! its disks hold, and its inner world. And which backups a rule keeps.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::GuestKind;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{sim::world::World, state::config};

/// All backups by volid.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Backups(BTreeMap<String, Backup>);

/// What an archive holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Backup {
    pub(crate) kind: GuestKind,
    pub(crate) vmid: u32,
    pub(crate) config: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) raw: Vec<(String, String)>,
    /// The disks that it holds, by their key: size and what they really take.
    pub(crate) disks: BTreeMap<String, (u64, u64)>,
    pub(crate) world: World,
    pub(crate) ctime: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) notes: Option<String>,
    #[serde(default)]
    pub(crate) is_protected: bool,
}

impl Backups {
    pub(crate) fn get(&self, volid: &str) -> Option<&Backup> {
        self.0.get(volid)
    }

    pub(crate) fn get_mut(&mut self, volid: &str) -> Option<&mut Backup> {
        self.0.get_mut(volid)
    }

    pub(crate) fn insert(&mut self, volid: String, backup: Backup) {
        self.0.insert(volid, backup);
    }

    pub(crate) fn remove(&mut self, volid: &str) {
        self.0.remove(volid);
    }

    /// Returns the backups on a storage.
    pub(crate) fn on<'a>(&'a self, storage: &'a str) -> impl Iterator<Item = (&'a String, &'a Backup)> {
        self.0.iter().filter(move |(volid, _)| volid.split_once(':').is_some_and(|(name, _)| name == storage))
    }

    /// Returns the worlds of all backups.
    pub(crate) fn worlds_mut(&mut self) -> impl Iterator<Item = &mut World> {
        self.0.values_mut().map(|backup| &mut backup.world)
    }
}

impl Backup {
    /// Returns the configuration as the archive holds it: the file of the guest.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for line in self.config.get("description").map_or("", String::as_str).trim_end().lines() {
            text.push_str(&format!("#{line}\n"));
        }
        for (key, value) in self.config.iter().filter(|(key, _)| *key != "description") {
            text.push_str(&format!("{key}: {value}\n"));
        }
        for (key, value) in &self.raw {
            text.push_str(&format!("{key}: {value}\n"));
        }
        if self.kind == GuestKind::Vm {
            for key in self.disks.keys() {
                let volume = self.config.get(key).map_or("", |value| config::volume_of(value));
                let storage = volume.split_once(':').map_or("", |(storage, _)| storage);
                text.push_str(&format!("#qmdump#map:{key}:drive-{key}:{storage}:raw:\n"));
            }
        }
        text
    }
}

/// What is to become of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Keep,
    Remove,
    Protected,
}

impl Mark {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::Protected => "protected",
        }
    }
}

/// Names the period that a time lies in.
type Period = fn(u64) -> String;

/// The periods of a rule, the finest first.
const PERIODS: &[(&str, Period)] = &[
    ("keep-last", |time| time.to_string()),
    ("keep-hourly", |time| format!("{} {}", date(time).date(), date(time).hour())),
    ("keep-daily", |time| date(time).date().to_string()),
    ("keep-weekly", |time| {
        let (year, week, _) = date(time).to_iso_week_date();
        format!("{year} {week}")
    }),
    ("keep-monthly", |time| format!("{} {}", date(time).year(), date(time).month())),
    ("keep-yearly", |time| date(time).year().to_string()),
];

/// Tells what a rule (a property string) makes of the backups of one guest: their times, and whether each is protected.
pub(crate) fn marks(rule: &str, backups: &[(u64, bool)]) -> Vec<Mark> {
    let count =
        |key: &str| config::property(rule, key).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let mut marks: Vec<Option<Mark>> =
        backups.iter().map(|(_, is_protected)| is_protected.then_some(Mark::Protected)).collect();
    let keeps_all = config::property(rule, "keep-all").is_some_and(config::is_true)
        || PERIODS.iter().all(|(key, _)| count(key) == 0);
    let mut order: Vec<usize> = (0..backups.len()).filter(|&at| marks[at].is_none()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(backups[at].0));
    for (key, period) in PERIODS.iter().filter(|(key, _)| !keeps_all && count(key) > 0) {
        let name = |at: usize| period(backups[at].0);
        let kept: BTreeSet<String> =
            order.iter().filter(|&&at| marks[at] == Some(Mark::Keep)).map(|&at| name(at)).collect();
        let mut fresh = BTreeSet::new();
        for &at in &order {
            if marks[at].is_some() || kept.contains(&name(at)) {
                continue;
            }
            if fresh.contains(&name(at)) {
                marks[at] = Some(Mark::Remove);
                continue;
            }
            if fresh.len() >= count(key) {
                break;
            }
            fresh.insert(name(at));
            marks[at] = Some(Mark::Keep);
        }
    }
    let rest = if keeps_all { Mark::Keep } else { Mark::Remove };
    marks.into_iter().map(|mark| mark.unwrap_or(rest)).collect()
}

/// Returns a time as a date, in UTC.
pub(crate) fn date(time: u64) -> OffsetDateTime {
    i64::try_from(time)
        .ok()
        .and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Returns a time as names of archives have it: `2026_11_21-20_28_15`.
pub(crate) fn stamp(time: u64) -> String {
    let date = date(time);
    let (year, month, day) = date.to_calendar_date();
    let (hour, minute, second) = date.to_hms();
    format!("{year:04}_{:02}_{day:02}-{hour:02}_{minute:02}_{second:02}", u8::from(month))
}

/// Returns a time as logs have it: `2026-11-21 20:28:15`.
pub(crate) fn clock(time: u64) -> String {
    let stamp = stamp(time);
    let (day, clock) = stamp.split_once('-').unwrap_or((&stamp, ""));
    format!("{} {}", day.replace('_', "-"), clock.replace('_', ":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;

    #[test]
    fn a_rule_keeps_the_last_and_then_one_a_period() {
        let start = 1_795_219_200;
        let times: Vec<(u64, bool)> =
            [0, 2 * HOUR, DAY, DAY + HOUR, 2 * DAY].map(|after| (start + after, false)).to_vec();
        let words = |rule: &str| marks(rule, &times).into_iter().map(Mark::word).collect::<Vec<_>>();
        assert_eq!(words("keep-last=1"), ["remove", "remove", "remove", "remove", "keep"]);
        assert_eq!(words("keep-last=1,keep-daily=1"), ["remove", "remove", "remove", "keep", "keep"]);
        assert_eq!(words("keep-daily=9"), ["remove", "keep", "remove", "keep", "keep"]);
        assert_eq!(words("keep-all=1"), ["keep"; 5]);
        assert_eq!(words(""), ["keep"; 5]);
    }

    #[test]
    fn what_is_protected_stays_and_is_not_counted() {
        let times = [(10, false), (20, true), (30, false)];
        let words: Vec<_> = marks("keep-last=1", &times).into_iter().map(Mark::word).collect();
        assert_eq!(words, ["remove", "protected", "keep"]);
    }

    #[test]
    fn times_are_written_as_in_names_and_logs() {
        assert_eq!(stamp(1_795_292_895), "2026_11_21-20_28_15");
        assert_eq!(clock(1_795_292_895), "2026-11-21 20:28:15");
    }
}
