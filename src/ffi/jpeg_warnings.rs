//! What libjpeg warns about while it decodes. TurboJPEG keeps the text of the first warning
//! only, so that a harmless one hides all that follow; here each is judged as it comes. For
//! that a function is set in libjpeg's error manager, whose form `jpeglib.h` publishes.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::sync::OnceLock;

use turbojpeg::raw::tjhandle;

/// Warnings that leave every pixel as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Oddities {
    /// What the first of them was about.
    pub first: Option<&'static str>,
    /// The most bytes that were skipped before a restart marker.
    pub before_restart: usize,
    /// Bytes that were skipped before the end marker.
    pub before_end: usize,
}

/// Texts of libjpeg's warnings that are no damage, and our words for them. The texts are
/// the same in all its versions, the numbers are not.
const HARMLESS: [(&CStr, &str); 4] = [
    (EXTRANEOUS, "stray bytes before a marker"),
    (
        c"Warning: unknown JFIF revision number %d.%02d",
        "an unknown JFIF revision",
    ),
    (
        c"Unknown Adobe color transform code %d",
        "an unknown Adobe colour transform",
    ),
    (
        c"Invalid SOS parameters for sequential JPEG",
        "a scan with the parameters of a progressive file",
    ),
];
const EXTRANEOUS: &CStr = c"Corrupt JPEG data: %u extraneous bytes before marker 0x%02x";
/// The first entry of every table of libjpeg's messages.
const FIRST_MESSAGE: &CStr = c"Bogus message code %d";

type Emit = unsafe extern "C" fn(*mut Codec, c_int);

/// The beginning of libjpeg's `jpeg_common_struct`.
#[repr(C)]
struct Codec {
    err: *mut ErrorManager,
}

/// The beginning of libjpeg's `jpeg_error_mgr`.
#[repr(C)]
struct ErrorManager {
    error_exit: *const c_void,
    emit_message: Option<Emit>,
    output_message: *const c_void,
    format_message: *const c_void,
    reset_error_mgr: *const c_void,
    msg_code: c_int,
    /// A union of eight integers and 80 bytes of text.
    msg_parm: [c_int; 20],
    trace_level: c_int,
    num_warnings: c_long,
    jpeg_message_table: *const *const c_char,
    last_jpeg_message: c_int,
}

/// TurboJPEG's own function, which counts a warning as damage.
static TURBOJPEG: OnceLock<Emit> = OnceLock::new();

thread_local! {
    /// What the call in progress on this thread has met.
    static MET: Cell<Oddities> = const { Cell::new(Oddities {
        first: None,
        before_restart: 0,
        before_end: 0,
    }) };
}

/// Sets the judge of warnings in an instance that was made for transformations: its first
/// field is a `jpeg_compress_struct`, which shares the error manager with the decoder.
/// Whether that is so in this library; else every warning goes on counting as damage.
pub(super) fn judge(handle: tjhandle) -> bool {
    /// More bytes than an instance has: it holds its error manager itself.
    const INSTANCE: usize = 1 << 16;
    // SAFETY: the handle is valid and points to more bytes than a pointer has.
    let manager = unsafe { (*handle.cast::<Codec>()).err };
    let offset = (manager as usize).wrapping_sub(handle as usize);
    if offset == 0 || offset > INSTANCE || !manager.is_aligned() {
        return false;
    }
    // SAFETY: the manager lies within the instance, and its table of messages is a static
    // one of the library.
    unsafe {
        if message(manager, 0) != Some(FIRST_MESSAGE) {
            return false;
        }
        let Some(emit) = (*manager).emit_message else {
            return false;
        };
        let known = *TURBOJPEG.get_or_init(|| emit);
        if !std::ptr::fn_addr_eq(known, emit) {
            return false;
        }
        (*manager).emit_message = Some(sort);
    }
    true
}

/// What has been met since the last call.
pub(super) fn take() -> Oddities {
    MET.take()
}

/// Notes a harmless warning; gives any other message to TurboJPEG.
unsafe extern "C" fn sort(codec: *mut Codec, level: c_int) {
    // SAFETY: libjpeg calls with its own structures; `judge` has looked at them.
    unsafe {
        let manager = (*codec).err;
        let text = message(manager, (*manager).msg_code).filter(|_| level < 0);
        let harmless = HARMLESS.iter().find(|(known, _)| Some(*known) == text);
        if let Some((text, words)) = harmless {
            let [count, marker, ..] = (*manager).msg_parm;
            let stray = if *text == EXTRANEOUS { count } else { 0 };
            note(words, stray.max(0) as usize, marker);
        } else if let Some(turbojpeg) = TURBOJPEG.get() {
            turbojpeg(codec, level);
        }
    }
}

fn note(words: &'static str, stray: usize, marker: c_int) {
    let mut met = MET.get();
    met.first = met.first.or(Some(words));
    match marker {
        0xd0..=0xd7 => met.before_restart = met.before_restart.max(stray),
        0xd9 => met.before_end = met.before_end.max(stray),
        _ => {}
    }
    MET.set(met);
}

/// The text of a message, as it is before numbers are put into it.
///
/// # Safety
/// `manager` is one that libjpeg made.
unsafe fn message<'a>(manager: *const ErrorManager, code: c_int) -> Option<&'a CStr> {
    // SAFETY: the table holds the texts 0 to `last_jpeg_message`.
    unsafe {
        let (table, last) = ((*manager).jpeg_message_table, (*manager).last_jpeg_message);
        if table.is_null() || !(0..=last).contains(&code) {
            return None;
        }
        let text = *table.add(code as usize);
        (!text.is_null()).then(|| CStr::from_ptr(text))
    }
}
