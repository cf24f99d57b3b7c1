//! What is not served, and to whom.

use crate::serve::{Service, agent, body};
use crate::support::{ocelli, project, scratch, stderr};

#[test]
fn a_model_that_fails_its_proof_is_not_served() {
    let model = scratch("serve-proof").join("model.onnx");
    let mut bytes = std::fs::read(project("models/shapes.onnx")).unwrap();
    let right = br#"["circle","square""#;
    let at = bytes.windows(right.len()).position(|w| w == right).unwrap();
    bytes[at..at + right.len()].copy_from_slice(br#"["square","circle""#);
    std::fs::write(&model, bytes).unwrap();
    let output = ocelli([
        "serve",
        "--engine",
        "rten",
        "--listen",
        "127.0.0.1:0",
        "-m",
        &model.display().to_string(),
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("its proof fails on rten"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_service_that_others_can_reach_wants_a_token_or_to_be_told() {
    let shapes = project("models/shapes.onnx");
    let serve = |args: &[&str]| {
        let mut all = vec!["serve", "-m", &shapes, "--listen"];
        all.extend_from_slice(args);
        let output = ocelli(all);
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    let text = serve(&["0.0.0.0:0"]);
    assert!(text.contains("--listen 0.0.0.0:0: others can reach this address, and nothing keeps them out; add --token-file FILE"), "{text}");
    let token = scratch("serve-token").join("token");
    std::fs::write(&token, "short\n").unwrap();
    let text = serve(&["127.0.0.1:0", "--token-file", &token.display().to_string()]);
    assert!(
        text.contains("the token has 5 characters, at least 16 are needed"),
        "{text}"
    );
    let text = serve(&["127.0.0.1:0", "--smooth", "1s"]);
    assert!(
        text.contains("--smooth: this is for a live source; name one with --source"),
        "{text}"
    );
    let text = serve(&["127.0.0.1:0", "--source", &project("models/samples")]);
    assert!(
        text.contains("these are files, and a live source is expected"),
        "{text}"
    );

    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    let service = Service::shapes(&["--token-file", &token.display().to_string()]);
    assert_eq!(service.get("/status").0, 401);
    assert_eq!(service.get("/healthz").0, 200);
    let request = agent().get(service.url("/status"));
    let (status, _) = body(
        request
            .header("Authorization", "Bearer 0123456789abcdef")
            .call()
            .unwrap(),
    );
    assert_eq!(status, 200);
}
