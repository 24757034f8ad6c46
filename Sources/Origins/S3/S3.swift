// S3: the protocol of S3-compatible object stores as values: requests, signatures and responses.
//
// Purpose: Signature V4 and V2, the dozen requests that delivery needs, and their XML responses. Must never: open a
// socket or a file, read the clock (the time is an argument), show a secret, or trust a response: responses are
// bounded, refused if they have a document type, and checked before they become values.

/// How a request names the bucket.
package enum S3Style: String, Sendable, Hashable, CaseIterable {
    /// `https://endpoint/bucket/key`
    case path
    /// `https://bucket.endpoint/key`
    case virtualHost = "virtual"
}

/// The signature version.
package enum S3SignatureVersion: String, Sendable, Hashable, CaseIterable {
    /// HMAC-SHA1 over some headers and the path as sent, for old private stores.
    case v2
    /// HMAC-SHA256 over the whole request, for one region and day.
    case v4
}

/// An access key and its secret. Never printed: the description and the mirror show neither.
package struct S3Credentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    package let accessKey: String
    package let secretKey: String
    /// For temporary credentials; nil for permanent ones.
    package let sessionToken: String?

    /// Nil if a key is empty, longer than 4,096 bytes or contains anything but visible ASCII: such a key was copied
    /// wrongly, and would break the request headers.
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

    /// Removes these keys from a text, for error messages of a store.
    package func redacting(_ text: String) -> String {
        var text = text
        for key in [secretKey, accessKey, sessionToken].compactMap({ $0 }) where text.contains(key) {
            text = text.split(separator: key, omittingEmptySubsequences: false).joined(separator: "…")
        }
        return text
    }
}
