/// A header of a request; the name as it is sent.
package struct S3Header: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A query item, not encoded; the value is nil for one without `=`.
package struct S3QueryItem: Sendable, Hashable {
    package let name: String
    package let value: String?

    package init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }
}

/// A request before it has a host, a date and a signature.
package struct S3Request: Sendable, Hashable {
    package enum Method: String, Sendable, Hashable {
        case get = "GET"
        case head = "HEAD"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
    }

    package var method: Method
    /// Nil for a request to the bucket itself.
    package var key: String?
    package var query: [S3QueryItem] = []
    package var headers: [S3Header] = []
    package var body: Body = .none

    /// The request body.
    package enum Body: Sendable, Hashable {
        case none
        /// A few bytes, such as the list of parts.
        case bytes([UInt8])
        /// This many bytes from another source.
        /// - sha256: their digest in lower-case hexadecimal; nil to leave them unsigned, which is allowed under TLS
        ///   only.
        case stream(length: Int64, sha256: String?)

        package var length: Int64 {
            switch self {
            case .none: 0
            case .bytes(let bytes): Int64(bytes.count)
            case .stream(let length, _): length
            }
        }
    }

    package init(_ method: Method, key: String? = nil, query: [S3QueryItem] = [], headers: [S3Header] = []) {
        self.method = method
        self.key = key
        self.query = query
        self.headers = headers
    }
}

/// Why a request cannot be built.
package enum S3RequestError: Error, Sendable, Hashable, CustomStringConvertible {
    case badBucket(String)
    case badKey(reason: String)
    case badHeader(name: String)

    package var description: String {
        switch self {
        case .badBucket(let name):
            "\"\(name)\" cannot be a bucket: its name has 3 to 63 letters, digits, dots, hyphens and underscores"
        case .badKey(let reason): "no object can have this name: \(reason)"
        case .badHeader(let name): "the header \(name) has characters that no header may have"
        }
    }
}

/// Checks of bucket names and keys.
package enum S3Name {
    /// Longest key in bytes (S3's limit).
    package static let longestKey = 1_024

    /// 3 to 63 letters, digits, dots, hyphens and underscores, beginning and ending with a letter or digit. Old buckets
    /// may have upper-case letters and underscores; they are reached in path style only.
    package static func isBucket(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
            default: false
            }
        }
        guard (3...63).contains(bytes.count), let first = bytes.first, let last = bytes.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f } && !name.contains("..")
    }

    /// Whether a bucket name can be part of a host name and match its certificate: no dots, capitals or underscores.
    package static func isHostLabel(_ bucket: String) -> Bool {
        isBucket(bucket)
            && bucket.utf8.allSatisfy { !(0x41...0x5a).contains($0) && $0 != 0x2e && $0 != 0x5f }
    }

    /// Checks a key. Keys with `.` or `..` between slashes are refused: a proxy between us and the store could change
    /// them into another key.
    package static func checkKey(_ key: String) throws(S3RequestError) {
        guard !key.isEmpty else { throw .badKey(reason: "it is empty") }
        guard key.utf8.count <= longestKey else { throw .badKey(reason: "it is longer than 1,024 bytes") }
        guard key.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw .badKey(reason: "it holds control characters")
        }
        for part in key.split(separator: "/", omittingEmptySubsequences: false) where part == "." || part == ".." {
            throw .badKey(reason: "it has the component \(part)")
        }
    }
}
