/// Removes user names and passwords from URLs.
public enum Redaction {
    /// The text that replaces a user name and password.
    public static let mark = "***"

    /// Redacts all URLs in a text for a person or a log: `http://user:secret@host/` becomes `http://***@host/`. An at
    /// sign in a path or query stays.
    public static func text(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "@")) else { return text }
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var position = 0
        while let start = authority(in: bytes, from: position) {
            out += bytes[position..<start]
            let end = bytes[start...].firstIndex { $0 <= 0x20 || "/?#\"'<>\\".utf8.contains($0) } ?? bytes.count
            position = start
            guard let at = bytes[start..<end].lastIndex(of: UInt8(ascii: "@")) else { continue }
            out += Array(mark.utf8)
            position = at
        }
        return String(decoding: out + bytes[position...], as: UTF8.self)
    }

    /// Redacts one URL, valid or not, for the error that refuses it. A password with a slash in it makes the URL
    /// invalid and must be hidden all the same, so everything up to the last at sign is replaced.
    public static func url(_ text: String) -> String {
        let bytes = Array(text.utf8)
        guard let at = bytes.lastIndex(of: UInt8(ascii: "@")) else { return text }
        let start = authority(in: bytes, from: 0).flatMap { $0 <= at ? $0 : nil } ?? 0
        return String(decoding: bytes[..<start] + Array(mark.utf8) + bytes[at...], as: UTF8.self)
    }

    /// The offset after the next `://`.
    private static func authority(in bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + 3 <= bytes.count {
            if bytes[index] == UInt8(ascii: ":"), bytes[index + 1] == UInt8(ascii: "/"),
                bytes[index + 2] == UInt8(ascii: "/")
            {
                return index + 3
            }
            index += 1
        }
        return nil
    }
}
