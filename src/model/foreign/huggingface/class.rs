//! What transformers' image processors do where their configuration is silent: each class
//! has defaults of its own, and a configuration may leave out whatever equals them. The
//! values are those of transformers 5 (`models/*/image_processing_pil_*.py`), and
//! `scripts/golden-hub` tests them against it.

use DefaultSize::{Shortest, Square};

/// PIL's numbers for filters.
const BILINEAR: u64 = 2;
const BICUBIC: u64 = 3;

/// Mean and deviation of ImageNet's pixels, per channel.
const IMAGENET: ([f64; 3], [f64; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// From -1 to 1.
const HALF: ([f64; 3], [f64; 3]) = ([0.5; 3], [0.5; 3]);
/// Those of CLIP's pictures.
const CLIP: ([f64; 3], [f64; 3]) = (
    [0.481_454_66, 0.457_827_5, 0.408_210_73],
    [0.268_629_54, 0.261_302_58, 0.275_777_11],
);

/// An image processor's class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Class {
    /// Its name, without the marks of its twins.
    pub name: &'static str,
    /// What it does that others do not.
    pub rule: Rule,
    /// Number of PIL's filter.
    pub resample: u64,
    /// Mean and deviation.
    pub statistics: ([f64; 3], [f64; 3]),
    /// The size where the configuration has none.
    pub size: DefaultSize,
    /// Whether a bare number means a square (`default_to_square`), else the shortest side.
    pub square: bool,
    /// Side of the square that is kept, where there is a default.
    pub crop: Option<usize>,
    /// Whether that is kept by default.
    pub crops: bool,
}

/// A size in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum DefaultSize {
    /// Of the shortest side.
    Shortest(usize),
    /// Of both.
    Square(usize),
}

/// The steps of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// Resize, crop, rescale, normalise.
    Plain,
    /// The same, and no crop whatever is said.
    NeverCrops,
    /// Below 384 pixels resized to `size / crop_pct` and cropped, else squashed.
    ConvNext,
    /// Resized to 256/224 of what is said.
    Levit,
    /// Resized to `size / crop_pct`.
    PoolFormer,
    /// Cropped, then resized.
    Perceiver,
    /// Shifted after rescaling and normalised twice, if so said.
    EfficientNet,
    /// Channels flipped, never normalised.
    MobileVit,
    /// Shortest side rounded, channels flipped after normalising.
    PpLcNet,
    /// Resized twice and padded.
    Donut,
    /// Sides rounded up to a multiple.
    TextNet,
    /// Pixels become the numbers of their nearest colours.
    ImageGpt,
    /// Patches, as many as a picture's shape takes.
    Siglip2,
}

/// A class that resizes, crops, rescales and normalises.
const fn plain(name: &'static str, resample: u64, size: DefaultSize) -> Class {
    Class {
        name,
        rule: Rule::Plain,
        resample,
        statistics: HALF,
        size,
        square: matches!(size, Square(_)),
        crop: None,
        crops: false,
    }
}

impl Class {
    const fn crops(self, side: usize) -> Self {
        Self {
            crop: Some(side),
            crops: true,
            ..self
        }
    }

    const fn may_crop(self, side: usize) -> Self {
        Self {
            crop: Some(side),
            ..self
        }
    }

    const fn with(self, statistics: ([f64; 3], [f64; 3])) -> Self {
        Self { statistics, ..self }
    }

    const fn by(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }
}

const CLASSES: [Class; 22] = [
    plain("BeitImageProcessor", BICUBIC, Square(224)).may_crop(224),
    plain("BitImageProcessor", BICUBIC, Shortest(224))
        .crops(224)
        .with(CLIP),
    plain("CLIPImageProcessor", BICUBIC, Shortest(224))
        .crops(224)
        .with(CLIP),
    plain("ConvNextImageProcessor", BICUBIC, Shortest(384)).by(Rule::ConvNext),
    plain("DeiTImageProcessor", BICUBIC, Square(256)).crops(224),
    plain("DonutImageProcessor", BILINEAR, Square(2560)).by(Rule::Donut),
    plain("EfficientNetImageProcessor", BICUBIC, Square(346))
        .may_crop(289)
        .by(Rule::EfficientNet),
    plain("Gemma3ImageProcessor", BILINEAR, Square(224)).by(Rule::NeverCrops),
    plain("ImageGPTImageProcessor", BILINEAR, Square(256)).by(Rule::ImageGpt),
    plain("LevitImageProcessor", BICUBIC, Shortest(224))
        .crops(224)
        .with(IMAGENET)
        .by(Rule::Levit),
    plain("MobileNetV1ImageProcessor", BILINEAR, Shortest(256)).crops(224),
    plain("MobileNetV2ImageProcessor", BILINEAR, Shortest(256)).crops(224),
    plain("MobileViTImageProcessor", BICUBIC, Shortest(224))
        .crops(256)
        .by(Rule::MobileVit),
    plain("PerceiverImageProcessor", BICUBIC, Square(224))
        .crops(256)
        .with(IMAGENET)
        .by(Rule::Perceiver),
    plain("PoolFormerImageProcessor", BICUBIC, Shortest(224))
        .crops(224)
        .with(IMAGENET)
        .by(Rule::PoolFormer),
    Class {
        // Of what is flipped afterwards.
        statistics: ([0.406, 0.456, 0.485], [0.225, 0.224, 0.229]),
        ..plain("PPLCNetImageProcessor", BILINEAR, Square(256))
            .crops(224)
            .by(Rule::PpLcNet)
    },
    plain("PvtImageProcessor", BICUBIC, Square(224)).with(IMAGENET),
    plain("SegformerImageProcessor", BILINEAR, Square(512))
        .with(IMAGENET)
        .by(Rule::NeverCrops),
    Class {
        square: false,
        ..plain("SiglipImageProcessor", BICUBIC, Square(224))
    },
    plain("Siglip2ImageProcessor", BILINEAR, Square(256)).by(Rule::Siglip2),
    plain("TextNetImageProcessor", BILINEAR, Shortest(640))
        .may_crop(224)
        .with(IMAGENET)
        .by(Rule::TextNet),
    plain("ViTImageProcessor", BILINEAR, Square(224)),
];

/// The processor of each architecture, for folders that name none
/// (`IMAGE_PROCESSOR_MAPPING_NAMES`).
const ARCHITECTURES: [(&str, &[&str]); 22] = [
    ("BeitImageProcessor", &["beit", "data2vec-vision"]),
    ("BitImageProcessor", &["bit", "dinov2", "focalnet", "hiera"]),
    ("CLIPImageProcessor", &["clip", "metaclip_2"]),
    (
        "ConvNextImageProcessor",
        &["convnext", "convnextv2", "cvt", "regnet", "resnet"],
    ),
    ("DeiTImageProcessor", &["deit"]),
    ("DonutImageProcessor", &["donut-swin"]),
    ("EfficientNetImageProcessor", &["efficientnet"]),
    ("Gemma3ImageProcessor", &["shieldgemma2"]),
    ("ImageGPTImageProcessor", &["imagegpt"]),
    ("LevitImageProcessor", &["levit"]),
    ("MobileNetV1ImageProcessor", &["mobilenet_v1"]),
    ("MobileNetV2ImageProcessor", &["mobilenet_v2"]),
    ("MobileViTImageProcessor", &["mobilevit", "mobilevitv2"]),
    ("PerceiverImageProcessor", &["perceiver"]),
    ("PoolFormerImageProcessor", &["poolformer"]),
    ("PPLCNetImageProcessor", &["pp_lcnet"]),
    ("PvtImageProcessor", &["pvt", "pvt_v2"]),
    ("SegformerImageProcessor", &["segformer"]),
    ("SiglipImageProcessor", &["siglip"]),
    ("Siglip2ImageProcessor", &["siglip2"]),
    ("TextNetImageProcessor", &["textnet"]),
    (
        "ViTImageProcessor",
        &[
            "dinat",
            "ijepa",
            "swiftformer",
            "swin",
            "swinv2",
            "vit",
            "vit_msn",
        ],
    ),
];
/// The class of this name, of whatever version: `ViTFeatureExtractor` and
/// `ViTImageProcessorFast` are `ViTImageProcessor`.
pub(super) fn named(name: &str) -> Option<&'static Class> {
    let name = plain_name(name);
    CLASSES.iter().find(|class| class.name == name)
}

/// The class that an architecture (`model_type`) takes.
pub(super) fn of_architecture(model_type: &str) -> Option<&'static Class> {
    ARCHITECTURES
        .iter()
        .find(|(_, types)| types.contains(&model_type))
        .and_then(|(name, _)| named(name))
}

fn plain_name(name: &str) -> String {
    let name = ["Fast", "Pil"]
        .iter()
        .find_map(|mark| name.strip_suffix(mark))
        .unwrap_or(name);
    name.replace("FeatureExtractor", "ImageProcessor")
}
