//! Measures the core's speed on the inputs of `benches/inputs.json`, and beside it that of a bare search
//! through the same bytes. `make bench` runs this and makes a table of it.
//!
//! It measures the thread's CPU time, since other processes disturb that less than the time of a clock.

// Each program that measures uses a part of this module.
#[allow(dead_code)]
mod inputs;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Bencher, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use inputs::{Body, Input, read};
use rustix::time::{ClockId, clock_gettime};

/// Sizes that show whether the work is linear. At `SIZE` the core is compared with the bare search.
const SIZES: [usize; 4] = [1 << 10, 64 << 10, SIZE, 64 << 20];
const SIZE: usize = 1 << 20;

fn benches(criterion: &mut Criterion<CpuTime>) {
    for input in inputs::all(inputs::INPUTS) {
        let mut group = criterion.benchmark_group(&input.name);
        group.sampling_mode(SamplingMode::Flat);
        let sizes = if input.once { &SIZES[..1] } else { &SIZES[..] };
        if input.once {
            // No bare search is measured beside it, so it gets more samples.
            group
                .sample_size(100)
                .measurement_time(Duration::from_secs(3));
        }
        for size in sizes {
            let body = input.body(*size);
            group.throughput(Throughput::Bytes(body.len() as u64));
            let scan = |bencher: &mut Bencher<'_, CpuTime>| {
                check(&input, &body);
                bencher.iter(|| read(&input, black_box(&body)));
            };
            group.bench_function(size.to_string(), scan);
            if let Some(bare) = input.bare.as_ref().filter(|_| *size == SIZE) {
                group.bench_function("bare", |bencher| {
                    bencher.iter(|| bare.read(black_box(&body)));
                });
            }
        }
        group.finish();
    }
}

/// Checks that the core reads the body to its end, without trouble.
fn check(input: &Input, body: &Body) {
    let outcome = read(input, body);
    assert_eq!(outcome.trouble, None, "{}", input.name);
}

/// The CPU time of the thread, in nanoseconds.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    fn end(&self, start: Duration) -> Duration {
        self.start() - start
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        const WALL_TIME: &WallTime = &WallTime;
        WALL_TIME.formatter()
    }
}

criterion_group! {
    name = core;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
        .sample_size(10);
    targets = benches
}
criterion_main!(core);
