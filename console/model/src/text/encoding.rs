//! Decoding of text files from editors: a byte order mark is removed, and text that is not UTF-8 is
//! reported.

/// Returns the text in `bytes`, without the byte order mark that some editors write.
///
/// # Errors
/// Returns an error if the text has another encoding; the message contains the encoding, or the
/// position of the first invalid byte, and what to do.
pub fn decode(bytes: Vec<u8>) -> Result<String, String> {
    let utf16 = match bytes.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        // Without a byte order mark, every other byte of UTF-16 text in a European language is
        // zero.
        [first, second, ..] => (*first == 0) != (*second == 0) && bytes.len().is_multiple_of(2),
        _ => false,
    };
    if utf16 {
        return Err("it is in UTF-16; save it as UTF-8".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = String::from_utf8_lossy(valid).matches('\n').count() + 1;
        format!("it is not UTF-8 (line {line}, byte {}); save it as UTF-8", valid.len() + 1)
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_left_out() {
        assert_eq!(decode(b"\xef\xbb\xbf{\"a\":1}\r\n".to_vec()).unwrap(), "{\"a\":1}\r\n");
        assert_eq!(decode(b"\xef\xbb\xbf".to_vec()).unwrap(), "");
        assert_eq!(
            decode("ö\u{feff}".into()).unwrap(),
            "ö\u{feff}",
            "within a text it is a character"
        );
        assert_eq!(decode(Vec::new()).unwrap(), "");
        assert_eq!(decode(b"1".to_vec()).unwrap(), "1");
    }

    #[test]
    fn other_encodings_are_named() {
        let little: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for utf16 in
            [[&[0xff, 0xfe], &*little].concat(), [&[0xfe, 0xff], &*big].concat(), little, big]
        {
            assert_eq!(decode(utf16).unwrap_err(), "it is in UTF-16; save it as UTF-8");
        }
        let latin1 = b"{\n  \"name\": \"Gr\xf6\xdfe\"\n}".to_vec();
        assert_eq!(
            decode(latin1).unwrap_err(),
            "it is not UTF-8 (line 2, byte 16); save it as UTF-8"
        );
    }
}
