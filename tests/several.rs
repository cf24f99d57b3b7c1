//! Several live sources in one run: synthetic ones, pipes and recordings side by side.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    STEPS, assets, at_terminal, command, labels, ocelli, project, records, root, scratch, stderr,
};

/// A run of the bundled model on `rest`.
fn run(rest: &[&str]) -> Output {
    ocelli(arguments(rest))
}

fn arguments<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    static MODEL: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| project("models/shapes.onnx"));
    let start = ["run", "-m", &MODEL, "--engine", "rten"];
    let json = ["-f", "json"];
    let format = if rest.contains(&"-f") { &[][..] } else { &json };
    let all = start.iter().chain(format).chain(rest);
    all.copied().collect()
}

/// The records of each source by its name.
fn by_name(records: Vec<Value>) -> BTreeMap<String, Vec<Value>> {
    let mut sources: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in records {
        let name = record["source_name"].as_str().unwrap().to_owned();
        sources.entry(name).or_default().push(record);
    }
    sources
}

fn fifo(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    path
}

/// The line that concludes a source.
fn conclusion<'a>(errors: &'a str, name: &str) -> &'a str {
    let start = format!("ocelli: {name}: ");
    let mut lines = errors.lines();
    lines
        .find(|line| line.starts_with(&start) && line.contains("frames classified in"))
        .unwrap_or_else(|| panic!("{name}: {errors}"))
}

#[test]
fn sources_have_names_in_every_format_and_one_alone_has_none() {
    let sources = [
        "door=synthetic:fps=50",
        "synthetic:fps=50",
        "synthetic:fps=50",
        "--frames=2",
    ];
    let output = run(&sources);
    let named = by_name(records(&output));
    let counts: Vec<(&str, usize)> = named.iter().map(|(n, r)| (n.as_str(), r.len())).collect();
    let expected = [
        ("door", 2),
        ("synthetic:fps=50", 2),
        ("synthetic:fps=50#2", 2),
    ];
    assert_eq!(counts, expected, "{}", stderr(&output));
    for records in named.values() {
        assert_eq!(records[1]["frame"], 1);
        assert_eq!(records[0]["source"], "synthetic:square");
    }
    for name in named.keys() {
        let line = conclusion(&stderr(&output), name).to_owned();
        assert!(line.contains(": 2 frames classified in"), "{line}");
    }

    let text = run(&[&sources[..], &["-f", "text"]].concat());
    let lines = String::from_utf8_lossy(&text.stdout).into_owned();
    let said = |name: &str| {
        let start = format!("{name}: square 0.9");
        lines
            .lines()
            .filter(|line| line.starts_with(&start))
            .count()
    };
    assert_eq!(said("door"), 2, "{lines}");
    assert_eq!(said("synthetic:fps=50#2"), 2, "{lines}");

    let table = |sources: &[&str]| {
        let output = run(&[sources, &["-f", "csv", "--frames=1"]].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = |line: &str| line.rsplit(',').next().unwrap_or_default().to_owned();
        text.lines().map(last).collect::<Vec<_>>()
    };
    assert_eq!(table(&["door=synthetic:"]), ["source_name", "door"]);
    let alone = table(&["synthetic:"]);
    assert_eq!(alone[0], "drift");
    let alone = records(&run(&["synthetic:", "--frames=1"]));
    assert_eq!(alone[0].get("source_name"), None);
    assert_eq!(
        records(&run(&["door=synthetic:", "--frames=1"]))[0]["source_name"],
        "door"
    );
}

/// The exact shares are those of `session/turn.rs`; here a network that takes its time shows
/// that the loop keeps to them, on a busy machine too.
#[test]
fn where_there_is_too_much_all_sources_get_the_same_and_a_slow_one_all_of_its_own() {
    let Some(assets) = assets() else {
        return;
    };
    let model = assets.join("models/mobilenet_v2_1.0_224_f32_nchw_logits.onnx");
    let labels = assets.join("labels/coral_imagenet_labels.txt");
    let sources = [
        "a=synthetic:fps=120",
        "b=synthetic:fps=90",
        "c=synthetic:fps=60,seed=3",
        "slow=synthetic:fps=1",
    ];
    let output = command()
        .args(["run", "--engine", "rten", "--threads=1", "-f", "json", "-m"])
        .arg(model)
        .arg("--labels")
        .arg(labels)
        .args(STEPS)
        .args(sources)
        .arg("--stop-after=4s")
        .output()
        .unwrap();
    let told = stderr(&output);
    let named = by_name(records(&output));
    let counts = ["a", "b", "c"].map(|name| named[name].len());
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(most - least <= 1 + most / 20, "{told}");
    let last = &named["a"][named["a"].len() - 1];
    let missed = last["drops"]["newer"].as_u64().unwrap();
    assert!(missed > 100, "no overload: {told}");
    assert!((3..=5).contains(&named["slow"].len()), "{told}");
}

#[test]
fn a_stalled_a_slow_a_broken_and_a_garbled_source_cost_the_others_nothing() {
    let folder = scratch("several-broken");
    let (stuck, junk) = (fifo(&folder, "stuck"), fifo(&folder, "junk"));
    let trickle = fifo(&folder, "trickle");
    let good = std::fs::read(root().join("models/samples/circle-1.jpg")).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle..middle + 200].fill(0x55);
    let named = |name: &str, path: &Path| format!("{name}={}", path.display());
    let sources = [
        named("stuck", &stuck),
        named("junk", &junk),
        named("trickle", &trickle),
    ];
    let child = command()
        .args(arguments(&["healthy=synthetic:fps=50", "dead=camera:99"]))
        .args(sources)
        .args(["--live", "--stop-after", "2s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let open = |path| std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let (mut stuck, mut junk, mut trickle) = (open(&stuck), open(&junk), open(&trickle));
    stuck.write_all(&good).unwrap();
    // Two pictures and a half in a second, of 8 kB each.
    let slow = std::thread::spawn(move || {
        let bytes = [&good[..], &good, &good[..good.len() / 2]].concat();
        for piece in bytes.chunks(bytes.len().div_ceil(50)) {
            trickle.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        trickle
    });
    for _ in 0..40 {
        junk.write_all(&bad).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    drop((stuck, slow.join().unwrap()));
    let told = stderr(&output);
    let named = by_name(records(&output));
    assert!((96..=104).contains(&named["healthy"].len()), "{told}");
    assert_eq!(labels(&named["stuck"]), ["circle"], "{told}");
    assert_eq!(labels(&named["trickle"]), ["circle"; 2], "{told}");
    assert!(!named.contains_key("junk") && !named.contains_key("dead"));
    assert!(
        conclusion(&told, "junk").contains("; dropped 40 ("),
        "{told}"
    );
    assert!(
        told.contains("ocelli: warning: junk: a frame is skipped: "),
        "{told}"
    );
    assert_eq!(
        told.matches("error: dead: camera:99: ").count(),
        1,
        "{told}"
    );
    assert!(told.contains("; tried again while others go on"), "{told}");
    assert_eq!(output.status.code(), Some(1), "{told}");
}

#[test]
fn where_all_sources_are_broken_nothing_is_left_to_do() {
    let output = run(&["camera:98", "camera:99"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(told.matches("camera:98: ").count(), 1, "{told}");
    assert_eq!(told.matches("camera:99: ").count(), 1, "{told}");
}

#[test]
fn tables_give_each_source_its_own_pace_framing_and_threshold() {
    let folder = scratch("several-tables");
    let file = folder.join("ocelli.toml");
    let text = format!(
        "model = {:?}\nengine = \"rten\"\nformat = \"json\"\nsmooth = \"100ms\"\n\n\
         [[source]]\nname = \"third\"\nsource = \"synthetic:fps=60,frames=31\"\nevery = 3\n\n\
         [[source]]\nname = \"paced\"\nsource = \"synthetic:fps=100,frames=100\"\nmax-fps = 10\nthreshold = 1\n\n\
         [[run.source]]\nsource = \"synthetic:fps=30,frames=10\"\nroi = \"0,0,0.1,0.1\"\nrecord = {:?}\n",
        project("models/shapes.onnx"),
        folder.join("kept"),
    );
    std::fs::write(&file, text).unwrap();
    let config = ["run", "--config", file.to_str().unwrap()];
    let output = ocelli(config);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let named = by_name(records(&output));
    let drops = |name: &str, cause: &str| {
        let last = &named[name][named[name].len() - 1];
        last["drops"][cause].as_u64().unwrap()
    };
    assert_eq!(drops("third", "paced"), 20);
    assert_eq!(named["third"].len() as u64 + drops("third", "newer"), 11);
    // A busy machine may take longer than a second, and be late for a frame that is due.
    assert!((9..=12).contains(&named["paced"].len()), "{told}");
    assert!(
        drops("paced", "newer") <= 10 && drops("paced", "paced") >= 70,
        "{told}"
    );
    let total = format!("; dropped {} (", 100 - named["paced"].len());
    assert!(conclusion(&told, "paced").contains(&total), "{told}");
    // Nothing but the background is seen in its corner, and nothing is sure enough for `paced`.
    let unknown = |name: &str| named[name].iter().filter(|r| r["unknown"] == true).count();
    assert_eq!(unknown("paced"), named["paced"].len());
    assert!(unknown("third") <= 3, "{told}");
    let corner = "synthetic:fps=30,frames=10";
    let whole = labels(&named["third"])[0].to_owned();
    let differs = named[corner]
        .iter()
        .any(|r| r["unknown"] == true || r["label"] != whole);
    assert!(differs, "{:?}", named[corner]);
    let kept = folder.join("kept/synthetic_fps_30_frames_10/records.jsonl");
    let kept = std::fs::read_to_string(&kept).unwrap();
    assert_eq!(kept.lines().count(), named[corner].len());
    // What is typed is for all of them.
    let again = folder.join("again");
    let typed = ["--frames", "1", "--record", again.to_str().unwrap()];
    let typed = ocelli(config.iter().chain(&typed));
    let counts: Vec<usize> = by_name(records(&typed)).values().map(Vec::len).collect();
    assert_eq!(counts, [1, 1, 1], "{}", stderr(&typed));
    assert_eq!(std::fs::read_dir(again).unwrap().count(), 3);
    // Sources that are typed take their place, which is said.
    let typed = ocelli(config.iter().chain(&["synthetic:", "--frames", "1"]));
    let told = stderr(&typed);
    assert_eq!(records(&typed)[0].get("source_name"), None, "{told}");
    assert!(told.contains("take the place of the configuration's [[source]]"));
}

#[test]
fn a_table_that_is_wrong_is_refused_with_its_line() {
    let folder = scratch("several-wrong");
    let file = folder.join("ocelli.toml");
    let cases = [
        ("source = [1]", ":1: `source`, expected tables: [[source]]"),
        (
            "\n[[source]]\nname = \"a\"",
            ":2: this table names no source; add source = \"camera:0\"",
        ),
        (
            "[[source]]\nsource = \"synthetic:\"\nmax-fsp = 3",
            ":3: `max-fsp` is not a key of a source; did you mean `max-fps`?",
        ),
        (
            "[[source]]\nsource = \"synthetic:\"\nmodel = \"m\"",
            ":3: `model` is not a key of a source",
        ),
        (
            "[[source]]\nsource = \"synthetic:\"\nname = \"a:b\"",
            ":3: `a:b`, expected letters, digits, `-` and `_`",
        ),
        (
            "sources = [\"-\"]\n[[source]]\nsource = \"synthetic:\"",
            ":2: sources stand in a list or in [[source]] tables, not in both",
        ),
        ("[[source]]\nsource = 3", ":2: `source`, expected text"),
        ("[[source]]\nsource = \"-\"", "-: this is a stream"),
    ];
    for (text, expected) in cases {
        std::fs::write(&file, text).unwrap();
        let output = run(&["--config", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            stderr(&output).contains(expected),
            "{text}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn recordings_side_by_side_give_each_what_it_gives_alone() {
    let folder = scratch("several-recorded");
    let kept = folder.join("kept");
    let kept = kept.to_str().unwrap();
    let sources = [
        "a=synthetic:fps=40,frames=60,seed=1",
        "b=synthetic:fps=25,frames=40,seed=7",
    ];
    let first = run(&[&sources[..], &["--record", kept]].concat());
    let first = by_name(records(&first));
    let steady = [
        "--smooth", "300ms", "--enter", "0.7", "--leave", "0.3", "--hold", "80ms",
    ];
    let replay = |name: &str| format!("replay:{kept}/{name}");
    let both = [format!("a={}", replay("a")), format!("b={}", replay("b"))];
    let both = run(&[&[both[0].as_str(), &both[1]], &steady[..]].concat());
    let both = by_name(records(&both));
    for name in ["a", "b"] {
        let alone = records(&run(&[&[replay(name).as_str()], &steady[..]].concat()));
        assert_eq!(alone.len(), first[name].len());
        let told = |records: &[Value]| -> Vec<String> {
            let each = records.iter();
            each.map(|r| {
                let score = r["score"].as_f64().unwrap();
                format!(
                    "{} {} {score:.3} {}",
                    r["ts"], r["label"], r["changed"]["from"]
                )
            })
            .collect()
        };
        assert_eq!(told(&both[name]), told(&alone), "{name}");
    }
}

#[test]
fn a_rule_fires_for_each_source_and_says_for_which() {
    let folder = scratch("several-rules");
    let heard = folder.join("heard");
    let exec = format!(
        "echo \"$OCELLI_SOURCE $OCELLI_LABEL\" >> {}",
        heard.display()
    );
    let flags = ["--on", "square", "--exec", &exec, "--frames", "5"];
    let output = run(&[
        &["door=synthetic:fps=50", "yard=synthetic:fps=50"],
        &flags[..],
    ]
    .concat());
    let told = stderr(&output);
    let text = std::fs::read_to_string(heard).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["door square", "yard square"], "{told}");
    assert!(told.contains("yard: the rule `square` fires"), "{told}");
}

#[test]
fn one_new_model_takes_over_for_all_sources() {
    let folder = scratch("several-reload");
    let model = folder.join("model.onnx");
    std::fs::copy(project("models/shapes.onnx"), &model).unwrap();
    let mut args = arguments(&["a=synthetic:fps=20", "b=synthetic:fps=20"]);
    args[2] = model.to_str().unwrap();
    let mut child = command()
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut records = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    assert_eq!(records.next().unwrap()["model"], "shapes@1");
    std::fs::copy(project("models/digits.onnx"), folder.join("new")).unwrap();
    std::fs::rename(folder.join("new"), &model).unwrap();
    let pid = child.id().to_string();
    let kill = |name: &str| Command::new("kill").args([name, &pid]).status().unwrap();
    assert!(kill("-HUP").success());
    let mut another = records
        .skip_while(|record| record["model"] != "digits@1")
        .take(4);
    let mut names: Vec<String> = another
        .by_ref()
        .map(|record| format!("{} {}", record["source_name"], record["model"]))
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names, [r#""a" "digits@1""#, r#""b" "digits@1""#]);
    assert!(kill("-TERM").success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_run_side_by_side_is_refused_with_its_remedy() {
    let sample = project("models/samples/star-1.jpg");
    let cases: [(&[&str], &str); 6] = [
        (
            &["a=synthetic:", "a=camera:0"],
            "a: two sources are called so; give each a name of its own",
        ),
        (
            &["synthetic:", &sample],
            "star-1.jpg: this is finite, and what runs beside it is live; classify it in a run of its own",
        ),
        (
            &["synthetic:", "-"],
            "-: this is a stream, and what runs beside it is live; add --live",
        ),
        (
            &["a=-", "b=-", "--live"],
            "-: two sources cannot read one stream; name it once",
        ),
        (
            &["a=star.jpg"],
            "star.jpg: this is finite, and only a live source has a name; classify it in a run of its own, without a name, or write ./a=star.jpg for a file called so",
        ),
        (
            &[
                "synthetic:",
                "synthetic:",
                "--enter",
                "0.4",
                "--leave",
                "0.5",
            ],
            "0.5 is above the score 0.4",
        ),
    ];
    for (flags, expected) in cases {
        let output = run(flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(
            stderr(&output).contains(expected),
            "{flags:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_file_whose_name_looks_like_that_of_a_source_is_that_file() {
    let folder = scratch("several-files");
    std::fs::copy(project("models/samples/star-1.jpg"), folder.join("a=b.jpg")).unwrap();
    let mut command = command();
    command.args(arguments(&["a=b.jpg"])).current_dir(&folder);
    let output = command.output().unwrap();
    assert_eq!(labels(&records(&output)), ["star"], "{}", stderr(&output));
    assert_eq!(records(&output)[0]["source"], "a=b.jpg");
}

#[test]
fn a_person_at_a_terminal_sees_a_line_for_each_source() {
    let Some(text) =
        at_terminal("door=synthetic: yard=synthetic:fps=20 dead=camera:99 --stop-after 1s")
    else {
        return;
    };
    let line = |name: &str| {
        let mut lines = text.lines().rev();
        let found = lines.find(|line| line.contains(&format!("{name:<24} ")));
        found.unwrap_or_else(|| panic!("{name}: {text}"))
    };
    for name in ["door", "yard"] {
        assert!(line(name).contains("square"), "{text}");
        assert!(line(name).contains(" per second, age "), "{text}");
    }
    assert!(line("dead").ends_with(" cannot be used"), "{text}");
}
