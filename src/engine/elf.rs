//! Whether a shared library is whole and made for this processor. The dynamic linker does
//! not look before it leaps: a library cut short ends the program with a bus error.

use std::fs::File;
use std::path::Path;

use object::elf::{EM_386, EM_AARCH64, EM_ARM, EM_RISCV, EM_X86_64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, ReadCache, ReadRef};

#[cfg(target_pointer_width = "64")]
type Header = object::elf::FileHeader64<Endianness>;
#[cfg(target_pointer_width = "32")]
type Header = object::elf::FileHeader32<Endianness>;

/// Checks the file.
///
/// # Errors
/// What it is instead.
pub(crate) fn check(path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|e| format!("cannot open it: {e}"))?;
    let length = file.metadata().map_or(0, |m| m.len());
    let data = ReadCache::new(file);
    let (machine, end) = facts::<Header, _>(&data)
        .map_err(|_| format!("it is not a {}-bit shared library", usize::BITS))?;
    let (here, there) = (std::env::consts::ARCH, name(machine));
    if here != there {
        return Err(format!("it is made for {there}, this is {here}"));
    }
    if end > length {
        return Err(format!("it is cut short: {length} bytes of at least {end}"));
    }
    Ok(())
}

/// The processor, and where what is loaded of the file ends.
fn facts<'a, H, R>(data: R) -> object::Result<(u16, u64)>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let header = H::parse(data)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, data)?;
    let loaded = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == PT_LOAD);
    let ends = loaded.map(|segment| {
        let (offset, size): (u64, u64) = (
            segment.p_offset(endian).into(),
            segment.p_filesz(endian).into(),
        );
        offset.saturating_add(size)
    });
    Ok((header.e_machine(endian), ends.max().unwrap_or(0)))
}

/// A processor by Rust's name.
fn name(machine: u16) -> &'static str {
    match machine {
        EM_X86_64 => "x86_64",
        EM_AARCH64 => "aarch64",
        EM_ARM => "arm",
        EM_386 => "x86",
        EM_RISCV => "riscv64",
        _ => "another processor",
    }
}
