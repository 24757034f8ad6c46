import JSON
import Text

/// A statement in JWS compact form (RFC 7515), signed with ES256 (RFC 7518, section 3.4). Used for delivery receipts.
package enum JWS {
    /// Maximum length of a statement, in bytes.
    package static let longest = 64 << 10

    /// - Parameter keyID: names the key (`kid`).
    package static func sign(_ payload: JSONValue, with key: HostKey, keyID: String) throws(IdentityProblem) -> String {
        let header: JSONValue = ["alg": "ES256", "typ": "JWT", "kid": .string(keyID)]
        let signed = Base64URL.encode(header.encode()) + "." + Base64URL.encode(payload.encode())
        return signed + "." + Base64URL.encode(try key.signature(of: Array(signed.utf8)))
    }

    /// A parsed statement whose signature has not been checked.
    package struct Statement: Sendable, Hashable {
        package let keyID: String?
        package let payload: JSONValue
        private let signed: [UInt8]
        private let signature: [UInt8]

        /// - Throws: for anything but a compact JWS with a JSON object as its payload and ES256 as its algorithm.
        package init(_ text: String) throws(IdentityProblem) {
            guard text.utf8.count <= JWS.longest else { throw IdentityProblem("is too long") }
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3, let header = Base64URL.decode(parts[0]), let body = Base64URL.decode(parts[1]),
                let signature = Base64URL.decode(parts[2])
            else { throw IdentityProblem("is no JWS in compact form") }
            let (head, payload): (JSONValue, JSONValue)
            do throws(JSONError) {
                head = try JSONValue.parse(header, limits: .message)
                payload = try JSONValue.parse(body, limits: .message)
            } catch {
                throw IdentityProblem("is no JWS: its parts are no JSON")
            }
            // A header with `crit` names extensions that a reader must understand (RFC 7515, section 4.1.11). None is
            // supported.
            guard head["alg"]?.stringValue == "ES256", head["crit"] == nil, payload.objectValue != nil else {
                throw IdentityProblem("is no JWS that is signed with ES256")
            }
            keyID = head["kid"]?.stringValue
            self.payload = payload
            self.signature = signature
            signed = Array(text.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
        }

        package func isSigned(by key: PublicKey) -> Bool { key.verifies(signature, of: signed) }
    }
}
