//! The names of Python's text codecs, which werkzeug before 2.3 takes as charsets.
//!
//! This module decodes ASCII, ISO 8859-1, Windows-1252 and UTF-8. It also knows the names of the other
//! codecs, since a name that Python does not know makes werkzeug fail, and whether ASCII bytes mean ASCII
//! in them, which is enough for the names of methods. The lists are made from `encodings.aliases` and the
//! modules of `encodings` of CPython 3.11.

use crate::body::{Charset, Trouble};

/// The codec that a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::body) enum Codec {
    /// one that this module decodes
    Known(Charset),
    /// one that this module does not decode, but in which ASCII bytes mean ASCII
    AsciiCompatible,
    /// one that this module does not decode
    Other,
    /// one that Python cannot decode with `errors="replace"`: it raises a `UnicodeError`
    StrictOnly,
}

impl Codec {
    /// Python's `codecs.lookup`, of which it returns the error: a `LookupError`, which werkzeug does not catch,
    /// or a `ValueError` for a NUL, as for text that does not fit its charset.
    pub(in crate::body) fn find(name: &[u8]) -> Result<Self, Trouble> {
        Self::look_up(name).ok_or_else(|| match name.contains(&0) {
            true => Trouble::HeaderNotText,
            false => Trouble::HeaderCrash,
        })
    }

    fn look_up(name: &[u8]) -> Option<Self> {
        let mut buffer = [0; NAME_MAX];
        let (name, mut slot) = normalize(name, &mut buffer)?;
        loop {
            let entry = INDEX.get(slot % SLOTS)?.checked_sub(1)?;
            let (codec, names) = LISTS.get(usize::from(entry >> START_BITS))?;
            let start = usize::from(entry & !(u16::MAX << START_BITS));
            let known = names.as_bytes().get(start..)?;
            let after = known.strip_prefix(name);
            if after.is_some_and(|after| matches!(after, [] | [b' ', ..])) {
                return Some(*codec);
            }
            // Most of the table is empty, so this ends.
            slot = slot.wrapping_add(1);
        }
    }

    /// Whether ASCII bytes mean ASCII.
    pub(super) const fn has_ascii(self) -> bool {
        !matches!(self, Self::Other | Self::StrictOnly)
    }

    /// The charset in which a slot decodes its value.
    pub(in crate::body) const fn charset(self) -> Charset {
        match self {
            Self::Known(charset) => charset,
            Self::AsciiCompatible => Charset::OtherAscii,
            Self::Other | Self::StrictOnly => Charset::Other,
        }
    }
}

/// No codec has a longer name, in bytes.
const NAME_MAX: usize = 32;

/// `encodings.normalize_encoding`: lower case, and `_` for what is neither letter nor digit nor dot. Returns
/// the name and its hash; None for a NUL, and for a name that is longer than any codec's.
#[inline(always)]
fn normalize<'b>(name: &[u8], buffer: &'b mut [u8; NAME_MAX]) -> Option<(&'b [u8], usize)> {
    let mut free = buffer.iter_mut();
    let mut hash = NO_HASH;
    let mut push = |byte| {
        *free.next()? = byte;
        hash = mix(hash, byte);
        Some(())
    };
    let (mut is_first, mut gap) = (true, false);
    for byte in name {
        if !byte.is_ascii_alphabetic() && !byte.is_ascii_digit() && *byte != b'.' {
            if *byte == 0 {
                return None;
            }
            gap = !is_first;
            continue;
        }
        is_first = false;
        if core::mem::take(&mut gap) {
            push(b'_')?;
        }
        // This bit is set in digits and dots, too.
        push(byte | 0x20)?;
    }
    let free = free.len();
    Some((buffer.get(..NAME_MAX.saturating_sub(free))?, hash as usize))
}

const LISTS: [(Codec, &str); 7] = [
    (Codec::Known(Charset::Utf8), UTF_8),
    (Codec::Known(Charset::Ascii), ASCII),
    (Codec::Known(Charset::Latin1), LATIN_1),
    (Codec::Known(Charset::Cp1252), CP1252),
    (Codec::AsciiCompatible, ASCII_COMPATIBLE),
    (Codec::Other, OTHER),
    (Codec::StrictOnly, "idna undefined"),
];

const SLOTS: usize = 1024;

/// How many bits of an entry are the name's place in its list; the bits above are the number of the list.
const START_BITS: u32 = 13;

/// A hash table of all names with linear probing, so that a header with hundreds of charsets takes little
/// time. An entry is the name's list and its place there, plus one, since 0 is an empty entry.
#[expect(clippy::indexing_slicing, reason = "when this is compiled")]
static INDEX: [u16; SLOTS] = {
    let mut index = [0; SLOTS];
    let mut list = 0;
    while list < LISTS.len() {
        let mut rest = LISTS[list].1.as_bytes();
        let mut start = 0;
        while !rest.is_empty() {
            let mut len = 0;
            while len < rest.len() && rest[len] != b' ' {
                len += 1;
            }
            let (name, after) = rest.split_at(len);
            let mut slot = hash(name) % SLOTS;
            while index[slot] > 0 {
                slot = (slot + 1) % SLOTS;
            }
            index[slot] = (((list as u16) << START_BITS) | start) + 1;
            rest = if let [_, after @ ..] = after {
                after
            } else {
                after
            };
            start += len as u16 + 1;
        }
        list += 1;
    }
    index
};

/// FNV-1a.
const fn hash(name: &[u8]) -> usize {
    let mut hash = NO_HASH;
    let mut rest = name;
    while let [byte, after @ ..] = rest {
        hash = mix(hash, *byte);
        rest = after;
    }
    hash as usize
}

/// The hash of no bytes.
const NO_HASH: u32 = 0x811c_9dc5;

const fn mix(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

/// UTF-8
const UTF_8: &str = "\
    cp65001 u8 utf utf8 utf8_ucs2 utf8_ucs4 utf_8";

/// ASCII
const ASCII: &str = "\
    646 ansi_x3.4_1968 ansi_x3.4_1986 ansi_x3_4_1968 ascii cp367 csascii ibm367 iso646_us \
    iso_646.irv_1991 iso_ir_6 us us_ascii";

/// ISO 8859-1
const LATIN_1: &str = "\
    8859 cp819 csisolatin1 ibm819 iso8859 iso8859_1 iso_8859_1 iso_8859_1_1987 iso_ir_100 l1 \
    latin latin1 latin_1";

/// Windows-1252
const CP1252: &str = "1252 cp1252 windows_1252";

/// Codecs in which ASCII bytes mean ASCII.
const ASCII_COMPATIBLE: &str = "\
    1125 1250 1251 1253 1254 1255 1256 1257 1258 437 775 850 852 855 857 858 860 861 862 \
    863 865 866 869 932 936 949 950 arabic asmo_708 big5 big5_hkscs big5_tw big5hkscs charmap \
    chinese cp1006 cp1051 cp1125 cp1250 cp1251 cp1253 cp1254 cp1255 cp1256 cp1257 \
    cp1258 cp1361 cp154 cp437 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 \
    cp861 cp862 cp863 cp865 cp866 cp866u cp869 cp874 cp932 cp936 cp949 cp950 cp_gr cp_is \
    csbig5 csibm855 csibm857 csibm858 csibm860 csibm861 csibm863 csibm865 csibm866 csibm869 \
    csiso2022jp csiso58gb231280 csisolatin2 csisolatin3 csisolatin4 csisolatin5 csisolatin6 \
    csisolatinarabic csisolatincyrillic csisolatingreek csisolatinhebrew cskoi8r cspc775baltic \
    cspc850multilingual cspc862latinhebrew cspc8codepage437 cspcp852 csptcp154 csshiftjis \
    cyrillic cyrillic_asian ecma_114 ecma_118 elot_928 euc_cn euc_jis2004 euc_jis_2004 \
    euc_jisx0213 euc_jp euc_kr euccn eucgb2312_cn eucjis2004 eucjisx0213 eucjp euckr gb18030 \
    gb18030_2000 gb2312 gb2312_1980 gb2312_80 gbk greek greek8 hebrew hkscs hp_roman8 ibm1051 \
    ibm1125 ibm437 ibm775 ibm850 ibm852 ibm855 ibm857 ibm858 ibm860 ibm861 ibm862 ibm863 \
    ibm865 ibm866 ibm869 iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 \
    iso2022_jp_ext iso2022jp iso2022jp_1 iso2022jp_2 iso2022jp_2004 iso2022jp_3 iso2022jp_ext \
    iso8859_10 iso8859_11 iso8859_13 iso8859_14 iso8859_15 iso8859_16 iso8859_2 iso8859_3 \
    iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso_2022_jp iso_2022_jp_1 \
    iso_2022_jp_2 iso_2022_jp_2004 iso_2022_jp_3 iso_2022_jp_ext iso_8859_10 iso_8859_10_1992 \
    iso_8859_11 iso_8859_11_2001 iso_8859_13 iso_8859_14 iso_8859_14_1998 iso_8859_15 \
    iso_8859_16 iso_8859_16_2001 iso_8859_2 iso_8859_2_1987 iso_8859_3 iso_8859_3_1988 \
    iso_8859_4 iso_8859_4_1988 iso_8859_5 iso_8859_5_1988 iso_8859_6 iso_8859_6_1987 \
    iso_8859_7 iso_8859_7_1987 iso_8859_8 iso_8859_8_1988 iso_8859_9 iso_8859_9_1989 \
    iso_celtic iso_ir_101 iso_ir_109 iso_ir_110 iso_ir_126 iso_ir_127 iso_ir_138 iso_ir_144 \
    iso_ir_148 iso_ir_157 iso_ir_166 iso_ir_199 iso_ir_226 iso_ir_58 jisx0213 johab koi8_r \
    koi8_t koi8_u korean ks_c_5601 ks_c_5601_1987 ks_x_1001 ksc5601 ksx1001 kz1048 kz_1048 l10 \
    l2 l3 l4 l5 l6 l7 l8 l9 latin10 latin2 latin3 latin4 latin5 latin6 latin7 latin8 latin9 \
    mac_arabic mac_centeuro mac_croatian mac_cyrillic mac_farsi mac_greek mac_iceland \
    mac_latin2 mac_roman mac_romanian mac_turkish maccentraleurope maccyrillic macgreek \
    maciceland macintosh maclatin2 macroman macturkish ms1361 ms932 ms936 ms949 ms950 ms_kanji \
    mskanji palmos pt154 ptcp154 r8 rk1048 roman8 ruscii s_jis shift_jis shiftjis sjis \
    strk1048_2002 thai tis620 tis_620 tis_620_0 tis_620_2529_0 tis_620_2529_1 u_jis uhc ujis \
    utf_8_sig windows_1250 windows_1251 windows_1253 windows_1254 windows_1255 \
    windows_1256 windows_1257 windows_1258 x_mac_japanese x_mac_korean x_mac_simp_chinese \
    x_mac_trad_chinese";

/// Codecs in which ASCII bytes do not, or not always, mean ASCII.
const OTHER: &str = "\
    037 1026 1140 273 424 500 864 cp037 cp1026 cp1140 cp273 cp424 cp500 cp864 cp875 csibm037 \
    csibm1026 csibm273 csibm424 csibm500 csibm864 csiso2022kr ebcdic_cp_be ebcdic_cp_ca \
    ebcdic_cp_ch ebcdic_cp_he ebcdic_cp_nl ebcdic_cp_us ebcdic_cp_wt hz hz_gb hz_gb_2312 hzgb \
    ibm037 ibm039 ibm1026 ibm1140 ibm273 ibm424 ibm500 ibm864 iso2022_kr iso2022kr \
    iso_2022_kr punycode raw_unicode_escape s_jis_2004 s_jisx0213 shift_jis_2004 \
    shift_jisx0213 shiftjis2004 shiftjisx0213 sjis_2004 sjisx0213 u16 u32 u7 \
    unicode_1_1_utf_7 unicode_escape unicodebigunmarked unicodelittleunmarked utf16 utf32 utf7 \
    utf_16 utf_16_be utf_16_le utf_16be utf_16le utf_32 utf_32_be utf_32_le utf_32be utf_32le \
    utf_7";

#[cfg(test)]
mod tests {
    use super::{Charset, Codec, LISTS, Trouble};

    #[test]
    fn each_name_is_found_where_it_stands() {
        for (codec, names) in LISTS {
            for name in names.split(' ') {
                assert_eq!(Codec::find(name.as_bytes()), Ok(codec), "{name}");
                let more = format!("{name}x");
                assert!(Codec::find(more.as_bytes()).is_err(), "{more}");
            }
        }
    }

    #[test]
    fn names() {
        let cases = [
            ("utf-8", Ok(Codec::Known(Charset::Utf8))),
            ("UTF8", Ok(Codec::Known(Charset::Utf8))),
            (" utf  8 ", Ok(Codec::Known(Charset::Utf8))),
            ("ISO-8859-1", Ok(Codec::Known(Charset::Latin1))),
            ("us-ascii", Ok(Codec::Known(Charset::Ascii))),
            ("windows-1252", Ok(Codec::Known(Charset::Cp1252))),
            ("windows-1250", Ok(Codec::AsciiCompatible)),
            ("utf-16", Ok(Codec::Other)),
            ("base64", Err(Trouble::HeaderCrash)),
            ("bogus", Err(Trouble::HeaderCrash)),
            ("", Err(Trouble::HeaderCrash)),
            ("utf\08", Err(Trouble::HeaderNotText)),
        ];
        for (name, expected) in cases {
            assert_eq!(Codec::find(name.as_bytes()), expected, "{name}");
        }
        assert_eq!(Codec::find(&[b'x'; 100]), Err(Trouble::HeaderCrash));
    }
}
