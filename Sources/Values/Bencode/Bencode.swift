// Bencode: the encoding of BEP 3 (integers, byte strings, lists, dictionaries).
//
// Purpose: decode bytes from a torrent file, a peer or a tracker into values, and encode values in canonical form. Must
// never: trap; recurse deeper or allocate more than `BencodeLimits` allows; do I/O; change a byte of a string (names
// and hashes are bytes, not text).
//
// Strict and lenient rules (the same everywhere unless a comment says otherwise):
//   - Always refused: leading zeros (`i03e`, `03:abc`), `-0`, an empty number, an integer outside Int64, a length past
//     the end, a repeated key, a key that is not a string, trailing bytes. (`decodePrefix` allows trailing bytes and
//     reports how many bytes it used, for ut_metadata, where data follows the dictionary.)
//   - A caller can accept some of these by passing a `BencodeLeniency`. Limits are always enforced. Input that is
//     hashed, above all an info dictionary, must never be read leniently.
//   - Dictionary keys out of order are refused where `BencodeLimits.requiresSortedKeys` is set. All presets leave it
//     unset, because old torrent makers and some trackers do not sort keys. This is safe: an info hash is always
//     computed from the bytes as received, never from a re-encoding.

/// Decoding and encoding of bencoded values (BEP 3).
public enum Bencode {
    /// Decodes `bytes`, which must hold exactly one value.
    ///
    /// The value shares the storage of `bytes`; nothing is copied.
    /// - Parameter leniency: deviations to accept; none by default.
    /// - Throws: `BencodeError` with the offset of the first offending byte.
    public static func decode(
        _ bytes: [UInt8], limits: BencodeLimits = .metainfo, leniency: BencodeLeniency = []
    ) throws(BencodeError) -> BencodeValue {
        var decoder = BencodeDecoder(bytes: bytes, limits: limits, leniency: leniency)
        return try decoder.decodeWhole()
    }

    /// Decodes the value at the start of `bytes` and returns how many bytes it took. More bytes may follow it (BEP 9).
    ///
    /// The value holds a copy of the input, and spans in it count from the start of the slice. Input longer than
    /// `maxBytes` is cut there, so a value larger than the limit fails as truncated.
    public static func decodePrefix(
        _ bytes: ArraySlice<UInt8>, limits: BencodeLimits = .message
    ) throws(BencodeError) -> (value: BencodeValue, consumed: Int) {
        var decoder = BencodeDecoder(bytes: Array(bytes.prefix(limits.maxBytes)), limits: limits)
        let value = try decoder.decodeValue()
        return (value, decoder.position)
    }

    /// The canonical encoding: keys sorted as bytes, numbers without leading zeros.
    public static func encode(_ value: BencodeValue) -> [UInt8] {
        var writer = BencodeWriter()
        writer.append(value)
        return writer.bytes
    }
}
