//! Pictures as cameras, phones and scanners write them: what is odd is read, what is
//! damaged is refused, and what is not supported is called so.

use crate::support::{classify, records, root, scratch, stderr};

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/golden").join(name)).unwrap()
}

#[test]
fn stray_bytes_of_cameras_are_said_once_and_hide_no_damage() {
    let folder = scratch("stray");
    let whole = golden("stray.jpg");
    let third = memchr::memmem::find_iter(&whole, b"Logi").nth(3).unwrap();
    for name in ["1.jpg", "2.jpg", "3.jpg"] {
        std::fs::write(folder.join(name), &whole).unwrap();
    }
    // A restart marker is lost; before it stands a harmless one.
    let lost = [&whole[..third], &whole[third + 6..]].concat();
    std::fs::write(folder.join("4.jpg"), lost).unwrap();
    let many = [&whole[..third], &[0x5a; 300], &whole[third..]].concat();
    std::fs::write(folder.join("5.jpg"), many).unwrap();
    let output = classify(&[&folder]);
    let said = stderr(&output);
    assert_eq!(records(&output).len(), 3, "{said}");
    assert_eq!(said.matches("which is no damage").count(), 1, "{said}");
    assert!(
        said.contains("1.jpg: the JPEG has an unknown JFIF revision, which is no damage"),
        "{said}"
    );
    assert!(said.contains("4.jpg: the JPEG is damaged: Corrupt JPEG data: found marker"));
    assert!(
        said.contains("5.jpg: the JPEG is damaged: 304 bytes too many"),
        "{said}"
    );
}

#[test]
fn what_is_not_supported_is_not_called_damaged() {
    let folder = scratch("unsupported");
    let mut jpeg = golden("jpeg444.jpg");
    let frame = memchr::memmem::find(&jpeg, &[0xff, 0xc0]).unwrap();
    jpeg[frame + 1] = 0xc5;
    std::fs::write(folder.join("hierarchical.jpg"), jpeg).unwrap();
    // Compression (259), a SHORT: LZW becomes LZMA.
    let mut tiff = golden("packed.tiff");
    let entry = memchr::memmem::find(&tiff, &[3, 1, 3, 0, 1, 0, 0, 0]).unwrap();
    tiff[entry + 8..entry + 10].copy_from_slice(&34925_u16.to_le_bytes());
    std::fs::write(folder.join("lzma.tiff"), tiff).unwrap();
    let mut bmp = golden("plain.bmp");
    // The size of the header of the version before last.
    bmp[14] = 16;
    std::fs::write(folder.join("os2.bmp"), bmp).unwrap();
    let output = classify(&[&folder]);
    let said = stderr(&output);
    assert!(!said.contains("damaged"), "{said}");
    for kind in ["a JPEG", "a TIFF", "a BMP"] {
        let error = said
            .lines()
            .find(|line| line.contains(&format!("{kind} of a kind that is not supported")))
            .unwrap_or_else(|| panic!("{kind}: {said}"));
        assert!(error.ends_with("convert it to PNG, for example: ffmpeg -i FILE OUT.png"));
    }
}
