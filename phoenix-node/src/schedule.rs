//! Calendar events: when a job runs, in the notation of systemd that PVE reads, and when that is next.

use time::{Date, Duration, OffsetDateTime, Weekday};

/// When something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// By the number of days after Monday; none means every day.
    weekdays: Vec<u8>,
    years: Vec<Part>,
    months: Vec<Part>,
    days: Vec<Part>,
    hours: Vec<Part>,
    minutes: Vec<Part>,
    seconds: Vec<Part>,
}

/// One entry of a list of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    One(u32),
    Range(u32, u32),
    /// From a number on in steps, up to another number if there is one.
    Repeat(u32, u32, Option<u32>),
}

/// The names of the days, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const LONG_DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// How far ahead a next time is looked for.
const HORIZON: i64 = 366 * 12;

impl Calendar {
    /// Reads an event; fails in PVE's words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let full = match text.trim() {
            "minutely" => "*:*",
            "hourly" => "*:00",
            "daily" => "00:00",
            "weekly" => "mon 00:00",
            "monthly" => "*-*-01 00:00",
            "quarterly" => "*-01,04,07,10-01 00:00",
            "semiannually" | "semi-annually" => "*-01,07-01 00:00",
            "yearly" | "annually" => "*-01-01 00:00",
            other => other,
        };
        let fail = |rest: &str, context: &str| {
            format!("unable to parse calendar event at '{rest}' - Context(\"{context}\")")
        };
        let any = vec![Part::Repeat(0, 1, None)];
        let mut event = Self {
            weekdays: Vec::new(),
            years: any.clone(),
            months: any.clone(),
            days: any,
            hours: vec![Part::One(0)],
            minutes: vec![Part::One(0)],
            seconds: vec![Part::One(0)],
        };
        let mut words: Vec<&str> = full.split_whitespace().collect();
        if words.is_empty() {
            return Err(fail(full, "calendar event"));
        }
        if words[0].starts_with(|c: char| c.is_ascii_alphabetic()) {
            event.weekdays = weekdays(words[0]).ok_or_else(|| fail(full, "weekday"))?;
            words.remove(0);
        }
        if let Some(date) = words.first().filter(|word| word.contains('-')) {
            let parts: Vec<&str> = date.split('-').collect();
            let read = |text: &str, least: u32, most: u32| numbers(text, least, most);
            let read_date = || -> Option<(Vec<Part>, Vec<Part>, Vec<Part>)> {
                match parts[..] {
                    [month, day] => Some((event.years.clone(), read(month, 1, 12)?, read(day, 1, 31)?)),
                    [year, month, day] => {
                        Some((read(year, 1970, 2200)?, read(month, 1, 12)?, read(day, 1, 31)?))
                    }
                    _ => None,
                }
            };
            (event.years, event.months, event.days) = read_date().ok_or_else(|| fail(date, "date"))?;
            words.remove(0);
        }
        match words[..] {
            [] => {}
            [time] => event.read_time(time).ok_or_else(|| fail(time, "time"))?,
            [_, rest, ..] => return Err(fail(rest, "time")),
        }
        Ok(event)
    }

    fn read_time(&mut self, text: &str) -> Option<()> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            // A number alone is minutes of every hour.
            [minute] => {
                self.hours = vec![Part::Repeat(0, 1, None)];
                self.minutes = numbers(minute, 0, 59)?;
            }
            [hour, minute] => {
                (self.hours, self.minutes) = (numbers(hour, 0, 23)?, numbers(minute, 0, 59)?);
            }
            [hour, minute, second] => {
                (self.hours, self.minutes) = (numbers(hour, 0, 23)?, numbers(minute, 0, 59)?);
                self.seconds = numbers(second, 0, 59)?;
            }
            _ => return None,
        }
        Some(())
    }

    /// Returns the first time after another, both in seconds since 1970, UTC.
    pub(crate) fn next(&self, after: i64) -> Option<i64> {
        let from = OffsetDateTime::from_unix_timestamp(after.checked_add(1)?).ok()?;
        let (hours, minutes, seconds) =
            (spread(&self.hours, 23), spread(&self.minutes, 59), spread(&self.seconds, 59));
        for ahead in 0..HORIZON {
            let date = from.date().checked_add(Duration::days(ahead))?;
            if !self.has_day(date) {
                continue;
            }
            let midnight = date.midnight().assume_utc().unix_timestamp();
            let times = hours.iter().flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute));
            let mut times =
                times.flat_map(|minutes| seconds.iter().map(move |second| i64::from(minutes * 60 + second)));
            if let Some(time) = times.find(|time| midnight + time > after) {
                return Some(midnight + time);
            }
        }
        None
    }

    fn has_day(&self, date: Date) -> bool {
        let weekday = date.weekday().number_days_from_monday();
        let has = |parts: &[Part], number: u32| parts.iter().any(|part| part.has(number));
        (self.weekdays.is_empty() || self.weekdays.contains(&weekday))
            && has(&self.years, u32::try_from(date.year()).unwrap_or(0))
            && has(&self.months, u32::from(u8::from(date.month())))
            && has(&self.days, u32::from(date.day()))
    }
}

impl Part {
    fn has(self, number: u32) -> bool {
        match self {
            Self::One(one) => one == number,
            Self::Range(first, last) => (first..=last).contains(&number),
            Self::Repeat(first, step, last) => {
                number >= first
                    && last.is_none_or(|last| number <= last)
                    && (number - first).is_multiple_of(step.max(1))
            }
        }
    }
}

/// Returns a time as `Sat Nov 21 21:00:00 2026`, UTC.
pub(crate) fn written(seconds: i64) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(seconds) else { return String::new() };
    let day = match time.weekday() {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    };
    let month = time.month().to_string();
    let (hour, minute, second) = time.to_hms();
    format!("{day} {} {:>2} {hour:02}:{minute:02}:{second:02} {}", &month[..3], time.day(), time.year())
}

fn spread(parts: &[Part], last: u32) -> Vec<u32> {
    (0..=last).filter(|number| parts.iter().any(|part| part.has(*number))).collect()
}

fn weekdays(text: &str) -> Option<Vec<u8>> {
    let day = |name: &str| {
        let name = name.to_ascii_lowercase();
        let at = DAYS.iter().chain(&LONG_DAYS).position(|day| *day == name)?;
        u8::try_from(at % 7).ok()
    };
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.split_once("..") {
            Some((first, last)) => {
                let (first, last) = (day(first)?, day(last)?);
                if first > last {
                    return None;
                }
                days.extend(first..=last);
            }
            None => days.push(day(part)?),
        }
    }
    Some(days)
}

fn numbers(text: &str, least: u32, most: u32) -> Option<Vec<Part>> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| (least..=most).contains(number));
    let one = |text: &str| -> Option<Part> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|step| *step > 0)?)),
            None => (text, None),
        };
        let (first, last) = match range.split_once("..") {
            Some((first, last)) => (number(first)?, Some(number(last)?)),
            None if range == "*" => (if step.is_some() { least } else { 0 }, None),
            None => (number(range)?, None),
        };
        Some(match (step, last) {
            (Some(step), last) => Part::Repeat(first, step, last),
            (None, Some(last)) => (first <= last).then_some(Part::Range(first, last))?,
            (None, None) if range == "*" => Part::Repeat(0, 1, None),
            (None, None) => Part::One(first),
        })
    };
    text.split(',').map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday, 21 November 2026, 20:42:11.
    const NOW: i64 = 1_795_293_731;

    fn next(text: &str) -> String {
        let event = Calendar::parse(text).expect("an event");
        written(event.next(NOW).expect("a time"))
    }

    #[test]
    fn the_next_time_is_found() {
        assert_eq!(next("daily"), "Sun Nov 22 00:00:00 2026");
        assert_eq!(next("sun 01:00"), "Sun Nov 22 01:00:00 2026");
        assert_eq!(next("*:0/30"), "Sat Nov 21 21:00:00 2026");
        assert_eq!(next("mon..fri 22:15"), "Mon Nov 23 22:15:00 2026");
        assert_eq!(next("2,14:30"), "Sun Nov 22 02:30:00 2026");
        assert_eq!(next("50"), "Sat Nov 21 20:50:00 2026");
        assert_eq!(next("*-2-29 12:00"), "Tue Feb 29 12:00:00 2028");
        assert_eq!(next("monthly"), "Tue Dec  1 00:00:00 2026");
        assert_eq!(next("20:42:10/5"), "Sat Nov 21 20:42:15 2026");
    }

    #[test]
    fn what_is_no_event_is_refused() {
        assert_eq!(
            Calendar::parse("someday").unwrap_err(),
            "unable to parse calendar event at 'someday' - Context(\"weekday\")"
        );
        for wrong in ["25:00", "mon 1:99", "fri..mon", "13-01", "", "12:00 12:00", "*/0"] {
            assert!(Calendar::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Calendar::parse("2020-1-1").unwrap().next(NOW), None);
    }
}
