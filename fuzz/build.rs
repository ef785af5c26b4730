//! Compiles the counter of work. It is in C since the compiler would have our own code count, too.

fn main() {
    println!("cargo::rerun-if-changed=src/work.c");
    cc::Build::new().file("src/work.c").compile("work");
    println!("cargo::rustc-link-arg-bins=-Wl,--wrap=__sanitizer_cov_trace_pc");
}
