// S3: the protocol of S3-compatible object stores as values: which request to send, how it is signed, what the answer
// means.
//
// What it is for: Signature V4 and V2, the dozen requests that delivery needs, and the XML they are answered with. What
// it must never do: open a socket or a file, look at the clock (the time is an argument), show a secret, or believe an
// answer: what a store sends is bounded, refused when it has a document type, and checked before it becomes a value.

/// How a bucket is named in a request.
package enum S3Style: String, Sendable, Hashable, CaseIterable {
    /// `https://endpoint/bucket/key`
    case path
    /// `https://bucket.endpoint/key`
    case virtualHost = "virtual"
}

/// How requests are signed.
package enum S3SignatureVersion: String, Sendable, Hashable, CaseIterable {
    /// HMAC-SHA1 over a few headers and the path as sent; what old private stores want.
    case v2
    /// HMAC-SHA256 over all of the request, for one region and day.
    case v4
}

/// An access key and its secret. Never printed: its description and its mirror show neither.
package struct S3Credentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    package let accessKey: String
    package let secretKey: String
    /// Of temporary credentials; nil for lasting ones.
    package let sessionToken: String?

    /// Nil when a key is empty, longer than 4,096 bytes or holds anything but visible ASCII: such a key was copied
    /// wrongly, and would break the headers it goes into.
    package init?(accessKey: String, secretKey: String, sessionToken: String? = nil) {
        for key in [accessKey, secretKey, sessionToken ?? "-"] {
            guard (1...4_096).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                return nil
            }
        }
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
    }

    package var description: String { "(credentials)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// A text without these keys in it, for what a store says of a request that it refused.
    package func redacting(_ text: String) -> String {
        var text = text
        for key in [secretKey, accessKey, sessionToken].compactMap({ $0 }) where text.contains(key) {
            text = text.split(separator: key, omittingEmptySubsequences: false).joined(separator: "…")
        }
        return text
    }
}
