//! Asks the processor for bytes before they are needed.

/// Asks for the bytes at `offset`, if they are there. The processor sees by itself that one byte after
/// another is read, but not beyond a page, where each time it would wait for the memory.
#[inline(always)]
pub(crate) fn ask_for(bytes: &[u8], offset: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(byte) = bytes.get(offset) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint changes nothing, whatever the address; every such processor has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, offset);
}
