//! The core's speed on the inputs of `benches/inputs.json`, and that of a bare search through the
//! same bytes. `make bench` runs this and makes a table of it.
//!
//! Measured is the thread's CPU time, which other processes disturb less than they do a clock.

mod inputs;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Bencher, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use inputs::{Body, Input};
use ngx_http_frappe_module::body::{Fields, Multipart, Slot};
use ngx_http_frappe_module::frappe::{self, CMD_MAX, Head, Outcome, Plan};
use rustix::time::{ClockId, clock_gettime};

/// Sizes that show whether the work is linear. The figures are compared with those of the bare
/// search at `SIZE`.
const SIZES: [usize; 4] = [1 << 10, 64 << 10, SIZE, 64 << 20];
const SIZE: usize = 1 << 20;

fn benches(criterion: &mut Criterion<CpuTime>) {
    for input in inputs::all() {
        let mut group = criterion.benchmark_group(&input.name);
        group.sampling_mode(SamplingMode::Flat);
        let sizes = if input.once { &SIZES[..1] } else { &SIZES[..] };
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

/// All that the module does with a request, nginx apart.
fn read(input: &Input, body: &Body) -> Outcome {
    let mut value = [0; CMD_MAX];
    let mut slots = [Slot::new(&mut value)];
    let mut fields = Fields::new(&input.names, &mut slots);
    let head = Head {
        method: b"POST",
        target: b"/",
        content_type: input.content_type.as_bytes(),
        encoded: false,
    };
    let plan = frappe::plan(&head, input.dialect);
    let Plan::Scan(media_type) = plan else {
        panic!("{} is not read", input.name);
    };
    let mut scratch = [0; Multipart::SCRATCH_MAX];
    let scratch = &mut scratch[..frappe::scratch_len(media_type, head.content_type)];
    let scanner = frappe::scanner(media_type, &head, input.dialect, &mut fields, scratch);
    let mut scanner = scanner.expect("a scanner");
    for piece in body.pieces() {
        scanner.feed(piece, &mut fields);
    }
    let end = scanner.finish(&mut fields);
    frappe::resolve(&head, plan, Some(end), input.dialect, &mut fields)
}

/// What is measured is what is meant: a body that is read to its end.
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
