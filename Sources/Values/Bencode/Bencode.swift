// Bencode: the encoding of BEP 3 (integers, byte strings, lists, dictionaries).
//
// What it is for: turning bytes from a torrent file, a peer or a tracker into values, and values into the one
// canonical form. What it must never do: trap, recurse deeper or allocate more than `BencodeLimits` allows, do I/O,
// or change a byte of a string (names and hashes are bytes, not text).
//
// What is strict and what is lenient (the same in every place unless a line says otherwise):
//   - refused everywhere: leading zeros (`i03e`, `03:abc`), `-0`, an empty number, an integer outside Int64, a length
//     past the end, the same key twice, a key that is not a string, trailing bytes (`decode`; `decodePrefix` reports
//     how many bytes it used, for ut_metadata, where data follows the dictionary);
//   - some of these are forgiven where `BencodeLeniency` says so: a caller names what it forgives. Limits never are.
//     Nothing that is hashed may be read that way, above all no info dictionary;
//   - dictionary keys out of order: refused where `BencodeLimits.requiresSortedKeys` is set. It is clear in all our
//     presets, for old torrent makers and some trackers do not sort. It costs no safety: an info hash is always taken
//     over the bytes as received, never over a re-encoding.

/// Decoding and encoding of bencoded values (BEP 3).
public enum Bencode {
    /// Decodes `bytes`, which must hold exactly one value.
    ///
    /// The value shares the storage of `bytes`; nothing is copied.
    /// - Parameter leniency: what is forgiven; nothing unless it is named.
    /// - Throws: `BencodeError` with the offset of the first offending byte.
    public static func decode(
        _ bytes: [UInt8], limits: BencodeLimits = .metainfo, leniency: BencodeLeniency = []
    ) throws(BencodeError) -> BencodeValue {
        var decoder = BencodeDecoder(bytes: bytes, limits: limits, leniency: leniency)
        return try decoder.decodeWhole()
    }

    /// Decodes the value at the start of `bytes` and says how many bytes it took; more may follow (BEP 9).
    ///
    /// The value holds a copy of the input, and spans in it count from the start of the slice. Input over the limit is
    /// cut there, so that a value larger than the limit fails as truncated.
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
