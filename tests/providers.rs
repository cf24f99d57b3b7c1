//! What computes, where it is not what was asked for. The library that scripts/setup brings
//! is made for the CPU only: a GPU's part is told by the profile that the engine reads, see
//! its unit tests.

use crate::support::{has_onnxruntime, ocelli, project, records, root, scratch, stderr};

fn run(flags: &[&str]) -> std::process::Output {
    let model = project("models/shapes.onnx");
    let sample = project("models/samples/star-1.jpg");
    let start = ["run", "-m", &model, &sample, "-f", "json"];
    ocelli(start.iter().chain(flags))
}

#[test]
fn a_device_that_is_not_there_is_said_and_the_cpu_computes() {
    if !has_onnxruntime() {
        return;
    }
    for (device, named, why) in [
        (
            "cuda",
            "cuda:0",
            "CUDA execution provider is not enabled in this build",
        ),
        (
            "tensorrt:1",
            "tensorrt:1",
            "TensorRT execution provider is not enabled in this build",
        ),
        (
            "xnnpack",
            "xnnpack",
            "XNNPACK execution provider is not supported in this build",
        ),
    ] {
        let flags = [
            "--engine",
            "onnxruntime",
            "--device",
            device,
            "--workers",
            "2",
        ];
        let output = run(&flags);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(records(&output)[0]["provider"], "cpu");
        let said = stderr(&output);
        assert_eq!(said.matches("the CPU computes").count(), 1, "{said}");
        assert!(said.contains(&format!("{named}: onnxruntime ")), "{said}");
        assert!(said.contains(why), "{said}");
        let output = run(&[&flags[..], &["--require"]].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let said = stderr(&output);
        assert!(
            said.contains("allow the CPU to compute instead (leave --require out)"),
            "{said}"
        );
    }
}

#[test]
fn the_pure_rust_engine_computes_on_the_cpu_only() {
    let output = run(&["--engine", "rten", "--device", "cuda"]);
    assert_eq!(records(&output)[0]["provider"], "cpu");
    let said = stderr(&output);
    assert!(
        said.contains("cuda:0: the pure-Rust engine computes on the CPU only"),
        "{said}"
    );
    let output = run(&["--engine", "rten", "--device", "cuda", "--require"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn auto_and_cpu_need_no_gpu_and_say_nothing() {
    for device in ["auto", "cpu"] {
        let output = run(&["--device", device, "--require"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(records(&output)[0]["provider"], "cpu");
        assert!(!stderr(&output).contains("the CPU computes"));
    }
    let output = run(&["--device", "gpu"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`gpu`, expected auto, cpu, cuda, cuda:1"));
}

#[test]
fn a_library_cut_short_or_for_another_processor_is_refused_before_it_is_loaded() {
    let whole = root().join("target/lib/ocelli");
    let whole = std::fs::read_dir(whole)
        .into_iter()
        .flatten()
        .flatten()
        .next();
    let Some(whole) = whole else {
        println!("skipped: no ONNX Runtime library (scripts/setup brings one)");
        return;
    };
    let bytes = std::fs::read(whole.path()).unwrap();
    let folder = scratch("libraries");
    let refused = |name: &str, bytes: &[u8]| {
        let file = folder.join(name).display().to_string();
        std::fs::write(&file, bytes).unwrap();
        let output = run(&["--ort", &file]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        stderr(&output)
    };
    let said = refused("short.so", &bytes[..100_000]);
    assert!(
        said.contains("it is cut short: 100000 bytes of at least "),
        "{said}"
    );
    // Its processor stands in bytes 18 and 19 of an ELF header: 8 is MIPS.
    let mut foreign = bytes[..100_000].to_vec();
    foreign[18..20].copy_from_slice(&[8, 0]);
    let said = refused("foreign.so", &foreign);
    assert!(
        said.contains("it is made for another processor, this is "),
        "{said}"
    );
}
