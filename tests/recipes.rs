//! Known recipes give the tensors that the families' own code gives: torchvision's and
//! timm's transforms, Keras's `preprocess_input`, PIL as the exporters' samples use it.
//! `scripts/recipes` wrote down what they made of a picture.

use ocelli::model::manifest::{Dtype, Input, Layout, Preprocess};
use ocelli::model::recipes::{recipe, recipes};
use ocelli::pipeline::capture::Frame;
use ocelli::pipeline::decode::{DecodeOptions, Decoder, Picture};
use ocelli::pipeline::preprocess::{Framing, Geometry, Preprocessor};
use ocelli::tensor::Elements;
use serde::Deserialize;

use crate::support::{ocelli, project, records, root, scratch, stderr};

#[derive(Deserialize)]
struct Golden {
    recipe: String,
    /// Channels, rows, columns.
    shape: [usize; 3],
    places: Vec<[usize; 3]>,
    values: Vec<f32>,
}

/// What the recipe makes of the picture: channels, rows, columns, one after the other.
fn tensor(name: &str, picture: &[u8]) -> ([usize; 3], Vec<f32>) {
    let (name, recipe) = recipe(name).unwrap();
    let facts = recipe.facts(name, None, None);
    let (size, color) = (facts.size.unwrap().value, facts.color.unwrap().value);
    let input = Input {
        tensor: "input".into(),
        layout: Layout::Nchw,
        dtype: Dtype::Float32,
        color,
        width: size.width,
        height: size.height,
        quantization: None,
    };
    let preprocess = Preprocess {
        resize: facts.resize.unwrap().value,
        filter: facts.filter.unwrap().value,
        antialias: facts.antialias.unwrap().value,
        crop: facts.crop.unwrap().value,
        crop_rule: facts.crop_rule.unwrap().value,
        rescale: facts.rescale.unwrap().value,
        mean: facts.mean.unwrap().value,
        std: facts.std.unwrap().value,
    };
    let geometry = Geometry::new(&preprocess, Framing::default(), false);
    let mut preprocessor = Preprocessor::new(&input, geometry);
    let options = DecodeOptions {
        max_pixels: 1_000_000,
        gray: false,
    };
    let frame = Frame {
        bytes: picture.to_vec(),
        ..Frame::default()
    };
    let mut decoded = Picture::default();
    let mut decoder = Decoder::new(options).unwrap();
    decoder
        .decode(&frame, preprocessor.geometry(), &mut decoded)
        .unwrap();
    let mut tensor = preprocessor.tensor(1);
    preprocessor.run(&decoded, &mut tensor, 0);
    let Elements::Float32(values) = tensor.elements() else {
        panic!("floats");
    };
    ([3, size.height, size.width], values.clone())
}

#[test]
fn recipes_give_the_tensors_of_the_libraries_that_they_are_named_after() {
    let folder = root().join("tests/golden");
    let golden: Vec<Golden> =
        serde_json::from_slice(&std::fs::read(folder.join("recipes.json")).unwrap()).unwrap();
    let picture = std::fs::read(folder.join("jpeg420.jpg")).unwrap();
    assert!(golden.len() >= 24, "only {} recipes", golden.len());
    for case in golden {
        let (shape, values) = tensor(&case.recipe, &picture);
        assert_eq!(shape, case.shape, "{}", case.recipe);
        let largest = values.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
        let [_, rows, columns] = shape;
        let differences = case
            .places
            .iter()
            .zip(&case.values)
            .map(|([c, y, x], value)| (values[(c * rows + y) * columns + x] - value).abs());
        // The file has five decimals. ImageOps.fit cuts between pixels, a resize does not:
        // where an edge lies, that is a part of its height.
        let tolerance = match &*case.recipe {
            "teachable-machine" => 0.25,
            _ => 2e-5 * largest.max(1.0),
        };
        let most = differences.fold(0.0, f32::max);
        assert!(most <= tolerance, "{}: {most}", case.recipe);
    }
}

#[test]
fn every_recipe_is_whole_and_says_its_source() {
    for recipe in recipes() {
        assert!(!recipe.source.is_empty() && !recipe.names.is_empty());
        for name in &recipe.names {
            let facts = recipe.facts(name, None, None);
            // A range alone says nothing about sizes; all others say everything.
            assert!(facts.rescale.is_some(), "{name}");
            let known = [
                facts.resize.is_some(),
                facts.crop.is_some(),
                facts.filter.is_some(),
            ];
            assert_eq!(known, [facts.size.is_some(); 3], "{name}");
        }
        if let Some(set) = recipe.labels() {
            assert!(ocelli::model::label_set(set).is_some(), "{set}");
        }
    }
}

#[test]
fn a_recipe_is_weaker_than_flags_and_stronger_than_the_file_and_says_so() {
    let shapes = project("models/shapes.onnx");
    let star = project("models/samples/star-1.jpg");
    let run = |flags: &[&str]| {
        let args = [
            "run", "-m", &shapes, &star, "-f", "json", "--engine", "rten",
        ];
        ocelli(args.iter().chain(flags))
    };
    let output = run(&["--like", "raw"]);
    let said = stderr(&output);
    assert!(
        said.contains("the recipe raw replaces what the model says: preprocess.rescale 0.0039"),
        "{said}"
    );
    // With all that it changes given by flags, the answer is the model's own again.
    let flags = [
        "--rescale",
        "1/255",
        "--mean",
        "0.5019607843137255,0.5019607843137255,0.5019607843137255",
    ];
    let output = run(&[&flags[..], &["--std", "0.5,0.5,0.5", "--like", "raw"]].concat());
    assert!(!stderr(&output).contains("replaces"), "{}", stderr(&output));
    assert_eq!(records(&output)[0]["top"], records(&run(&[]))[0]["top"]);
    let output = run(&["--like", "pasta"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no recipe is called so, expected 0-1"));
}

#[test]
fn a_range_comes_in_the_order_of_the_model_s_channels() {
    let shapes = project("models/shapes.onnx");
    let bgr = scratch("like-bgr").join("bgr.onnx").display().to_string();
    let output = ocelli(["pack", &shapes, "-o", &bgr, "--color", "BGR"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let preprocess = |model: &str, recipe: &str| {
        let output = ocelli(["inspect", model, "--json", "--like", recipe]);
        assert!(output.status.success(), "{}", stderr(&output));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let pre = document["manifest"]["preprocess"].clone();
        (pre["mean"].to_string(), pre["std"].to_string(), output)
    };
    // torchvision's numbers, red first.
    for (model, mean, std) in [
        (&shapes, "[0.485,0.456,0.406]", "[0.229,0.224,0.225]"),
        (&bgr, "[0.406,0.456,0.485]", "[0.225,0.224,0.229]"),
    ] {
        let (own_mean, own_std, output) = preprocess(model, "imagenet");
        assert_eq!((&*own_mean, &*own_std), (mean, std));
        let said = stderr(&output);
        assert!(
            said.contains("replaces what the model says: preprocess.mean [0.50"),
            "{said}"
        );
        assert!(said.contains("preprocess.std [0.5,0.5,0.5]"), "{said}");
        // The order is still the file's, and is said to be.
        let document = String::from_utf8_lossy(&output.stdout).into_owned();
        let facts: serde_json::Value = serde_json::from_str(&document).unwrap();
        let mut facts = facts["facts"].as_array().unwrap().iter();
        let color = facts.find(|fact| fact["fact"] == "input.color").unwrap();
        assert_eq!(color["origin"], "manifest in the file");
    }
    // A name that looks like a flag is none.
    assert_eq!(preprocess(&shapes, "-1-1").0, "[0.5,0.5,0.5]");
}

#[test]
fn a_name_that_libraries_mean_differently_is_refused_with_the_full_ones() {
    let shapes = project("models/shapes.onnx");
    for (name, meant) in [
        (
            "resnet50",
            "keras/resnet50, torchvision/resnet50.IMAGENET1K_V1, ",
        ),
        ("vgg16", "keras/vgg16, torchvision/vgg16.IMAGENET1K_V1, "),
        (
            "efficientnetb0",
            "keras/efficientnetb0, torchvision/efficientnet_b0.IMAGENET1K_V1, ",
        ),
    ] {
        let output = ocelli(["inspect", &shapes, "--like", name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let said = stderr(&output);
        let expected = format!("{name}: several recipes are called so, expected {meant}");
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn inspect_names_the_recipes_that_fit_what_the_model_leaves_open() {
    let inspect = |flags: &[&str]| {
        let model = project("tests/golden/tints.onnx");
        let output = ocelli([&["inspect", &model, "--size", "299"], flags].concat());
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = inspect(&[]);
    let row = text
        .lines()
        .find(|line| line.starts_with("recipes "))
        .unwrap();
    assert!(
        row.contains(" 0-1, -1-1, ") && row.contains("--like"),
        "{row}"
    );
    // One of another size does not fit.
    assert!(!row.contains("teachable-machine"), "{row}");
    let document: serde_json::Value = serde_json::from_str(&inspect(&["--json"])).unwrap();
    assert_eq!(document["recipes"][0], "0-1");
    // Named, there is nothing to choose.
    let named = inspect(&["--like", "keras/xception"]);
    assert!(!named.lines().any(|line| line.starts_with("recipes ")));
    assert!(named.contains("recipe keras/xception"), "{named}");
}

#[test]
fn label_sets_are_used_where_there_is_no_file_of_their_name() {
    let digits = project("models/digits.onnx");
    let inspect = |set: &str| {
        let output = ocelli(["inspect", &digits, "--labels", set, "--json"]);
        assert!(output.status.success(), "{}", stderr(&output));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        document["manifest"]["labels"][3]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(inspect("cifar10"), "cat");
    assert_eq!(inspect("fashion-mnist"), "Dress");
    let output = ocelli(["inspect", &digits, "--labels", "imagnet"]);
    let said = stderr(&output);
    assert!(said.contains("a file, or one of imagenet-1k, "), "{said}");
}
