//! Why a call's pace is what it is, in words.

use core::fmt;

use super::call::{RUNS, SLOW};
use super::{Call, Now, Pace, Settings};

/// Why a call's pace is what it is; its `Display` is a sentence for an operator.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    call: Call,
    settings: Settings,
    now: Now,
}

impl Call {
    /// Why its pace is what it is.
    pub fn explain(&self, settings: Settings, now: Now) -> Explanation {
        Explanation {
            call: *self,
            settings,
            now,
        }
    }

    /// What is believed of its work, in milliseconds; None where nothing is.
    pub fn known_work(&self, settings: Settings, now: Now) -> Option<u32> {
        let work = self.work();
        (work > 0 && !self.is_forgotten(settings, now)).then_some(work)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call,
            settings,
            now,
        } = self;
        let (finished, kept) = call.runs();
        let pace = call.pace(*settings, *now);
        if call.is_forgotten(*settings, *now) {
            return f.write_str(match pace {
                Pace::Slow => "a first run is in flight for long",
                _ => "no finished runs within the window",
            });
        }
        if kept >= settings.min as usize {
            write!(f, "work {} (", Seconds(call.work()))?;
            match pace {
                Pace::Slow => write!(f, "least of the last {} of {finished} runs", kept.min(SLOW))?,
                _ => write!(f, "within the last {} of {finished} runs", kept.min(RUNS))?,
            }
            let last = call.last();
            let waiting = last.taken.saturating_sub(last.work);
            if pace == Pace::Slow {
                write!(f, "; up to {} of waiting apart", Seconds(waiting))?;
            }
            return f.write_str(")");
        }
        match (pace, call.least_work()) {
            (Pace::Slow, Some(work)) if work >= settings.slow => {
                write!(f, "work {} at least (one run of {finished})", Seconds(work))
            }
            (Pace::Slow, _) => f.write_str("a run is in flight for long"),
            (Pace::New, _) => write!(f, "{finished} finished runs of {}", settings.min),
            (Pace::Fast, _) => write!(
                f,
                "nothing shows that it is slow ({finished} runs, which may have waited)"
            ),
        }
    }
}

/// Milliseconds as seconds: `0.05 s`, `4.2 s`, `120 s`.
struct Seconds(u32);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whole numbers, since what prints a float is larger than all the rest of this folder.
        match self.0 {
            ms @ 0..995 => write!(f, "0.{:02} s", ms.saturating_add(5) / 10),
            ms @ 995..99_950 => write!(
                f,
                "{}.{} s",
                ms.saturating_add(50) / 1000,
                ms.saturating_add(50) / 100 % 10
            ),
            ms => write!(f, "{} s", ms.saturating_add(500) / 1000),
        }
    }
}
