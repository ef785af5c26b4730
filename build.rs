//! Tells the crate which nginx it is built for, makes bindings for what nginx-sys leaves out (`shim.h`),
//! with the headers and flags of that nginx, and joins the parts of the figures' page.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(ngx_feature, values(any()))");
    println!("cargo::rustc-check-cfg=cfg(debug_palloc)");
    #[cfg(feature = "module")]
    module::build();
}

#[cfg(feature = "module")]
mod module {
    use std::path::PathBuf;
    use std::process::Command;
    use std::{env, fs};

    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use sha2::{Digest, Sha256};

    const SHIM: &str = "src/nginx/ffi/shim.h";
    /// `shim.h` includes these two.
    const SHIM_BODY: &str = "src/nginx/ffi/shim_body.h";
    const SHIM_STATUS: &str = "src/nginx/ffi/shim_status.h";
    /// The parts of the page that shows the figures.
    const PAGE: &str = "src/nginx/status/page";

    pub(crate) fn build() {
        println!("cargo::rerun-if-changed={SHIM}");
        for path in [SHIM_BODY, SHIM_STATUS, PAGE] {
            println!("cargo::rerun-if-changed={path}");
        }
        for name in [
            "DEP_NGINX_FEATURES",
            "DEP_NGINX_INCLUDE",
            "DEP_NGINX_CFLAGS",
            "DEP_NGINX_METADATA",
        ] {
            println!("cargo::rerun-if-env-changed={name}");
        }
        for feature in nginx("FEATURES").split(',').map(str::trim) {
            println!("cargo::rustc-cfg=ngx_feature=\"{feature}\"");
        }
        if cflags().iter().any(|flag| flag == "-DNGX_DEBUG_PALLOC=1") {
            println!("cargo::rustc-cfg=debug_palloc");
        }
        shim();
        page();
        if env::var("TARGET") == env::var("HOST") && glibc() >= Some((2, 36)) {
            // Packed relocations take 10 KiB less. glibc's loader knows them from 2.36 on.
            println!("cargo::rustc-cdylib-link-arg=-Wl,-z,pack-relative-relocs");
        }
        if env::var("CARGO_CFG_TARGET_VENDOR").as_deref() == Ok("apple") {
            // The loader finds nginx's symbols when nginx loads the module.
            println!("cargo::rustc-link-arg=-undefined");
            println!("cargo::rustc-link-arg=dynamic_lookup");
        }
    }

    /// The version of the C library, if it is glibc.
    fn glibc() -> Option<(u32, u32)> {
        let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
        let text = String::from_utf8(output.ok()?.stdout).ok()?;
        let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }

    /// Makes the static inline functions of `shim.h` callable: bindgen writes a C file with a wrapper for
    /// each, and Rust declarations of the wrappers.
    fn shim() {
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
        let wrappers = out.join("shim.c");
        let includes: Vec<PathBuf> = env::split_paths(&nginx("INCLUDE")).collect();
        let cflags = cflags();

        bindgen::Builder::default()
            .header(SHIM)
            .clang_args(includes.iter().map(|path| format!("-I{}", path.display())))
            .clang_args(&cflags)
            .allowlist_function("ngx_http_frappe_.*")
            .allowlist_recursively(false)
            .raw_line("use nginx_sys::*;")
            .wrap_static_fns(true)
            .wrap_static_fns_path(&wrappers)
            .use_core()
            .layout_tests(false)
            .generate()
            .expect("bindings for src/nginx/ffi/shim.h")
            .write_to_file(out.join("shim.rs"))
            .expect("OUT_DIR is writable");

        let mut build = cc::Build::new();
        build
            .file(&wrappers)
            .include(".")
            .includes(&includes)
            .warnings(false);
        cflags.iter().for_each(|flag| {
            build.flag(flag);
        });
        build.compile("ngx_http_frappe_shim");

        // The tests compile other modules for the same nginx with these flags: `cc @cflags`.
        let includes = includes.iter().map(|path| format!("-I{}", path.display()));
        let lines = includes.chain(cflags).map(|flag| format!("{flag:?}\n"));
        fs::write(out.join("cflags"), lines.collect::<String>()).expect("OUT_DIR is writable");
    }

    /// Writes the page as one text, and its Content-Security-Policy, which has the hashes of its style and
    /// its script.
    fn page() {
        let read = |name: &str| {
            let path = format!("{PAGE}/{name}");
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        // A browser needs neither indentation nor lines with comments.
        let lean = |text: String| {
            let lines = text.lines().map(str::trim_start);
            let kept = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
            kept.map(|line| format!("{line}\n")).collect::<String>()
        };
        let style = [
            (" {", "{"),
            ("{ ", "{"),
            (": ", ":"),
            ("; ", ";"),
            (", ", ","),
            (";}", "}"),
        ]
        .into_iter()
        .fold(lean(read("page.css")), |style, (from, to)| {
            style.replace(from, to)
        });
        let script = lean(read("page.js"));
        let page = lean(read("page.html"));
        for mark in ["/* page.css */", "/* page.js */"] {
            assert_eq!(page.matches(mark).count(), 1, "{mark} in page.html");
        }
        let page = page
            .replace("/* page.css */", &style)
            .replace("/* page.js */", &script);
        let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
        let policy = format!(
            "default-src 'none'; connect-src 'self'; img-src data:; style-src 'sha256-{}'; \
             script-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash(&style),
            hash(&script),
        );
        let source = format!(
            "pub(super) const PAGE: &str = {page:?};\npub(super) const POLICY: &str = {policy:?};\n"
        );
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
        fs::write(out.join("page.rs"), source).expect("OUT_DIR is writable");
    }

    /// A fact about the nginx that nginx-sys has found.
    fn nginx(name: &str) -> String {
        env::var(format!("DEP_NGINX_{name}")).unwrap_or_else(|_| {
            panic!("DEP_NGINX_{name} is not set: nginx-sys must be a direct dependency")
        })
    }

    /// The `-D` flags of that nginx. nginx-sys 0.5.0 mixes two spellings of cargo's metadata, so the
    /// flags arrive as METADATA.
    fn cflags() -> Vec<String> {
        let flags = env::var("DEP_NGINX_CFLAGS").or_else(|_| env::var("DEP_NGINX_METADATA"));
        let flags = flags.unwrap_or_default();
        let flags = flags.strip_prefix("cflags=").unwrap_or(&flags);
        flags.split_whitespace().map(str::to_owned).collect()
    }
}
