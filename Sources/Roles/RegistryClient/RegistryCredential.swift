import NIOHTTP1
import Synchronization
import Text

/// The credential that authenticates a client at a registry: a token, or a user name and a password.
package struct RegistryCredential: Sendable, Hashable, CustomStringConvertible {
    /// The text before the first colon; nil without a colon.
    let user: String?
    let secret: String

    /// Nil for an empty text, or one that is not allowed in an HTTP header.
    /// - Parameter text: a token, or `USER:PASSWORD`.
    package init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 8192, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            return nil
        }
        if let colon = text.firstIndex(of: ":") {
            user = String(text[..<colon])
            secret = String(text[text.index(after: colon)...])
        } else {
            user = nil
            secret = text
        }
    }

    package var description: String { "a credential" }

    package var bearer: String { "Bearer \(secret)" }
    /// A token is sent as the password, with any user name.
    package var basic: String { "Basic " + Base64.encode(Array("\(user ?? "swoop"):\(secret)".utf8)) }
}

/// The authentication scheme of a registry, `Bearer` or `Basic`. It is learned from the registry's first refusal (401).
final class Login: Sendable {
    private let credential: RegistryCredential?
    private let isBasic: Mutex<Bool>

    init(_ credential: RegistryCredential?) {
        self.credential = credential
        // A user name and a password need Basic.
        isBasic = Mutex(credential?.user != nil)
    }

    var headers: HTTPHeaders {
        guard let credential else { return [:] }
        return ["Authorization": isBasic.withLock { $0 } ? credential.basic : credential.bearer]
    }

    /// Whether a request must be repeated after a 401 with the other authentication scheme.
    func changes(after headers: HTTPHeaders) -> Bool {
        guard credential != nil else { return false }
        let wantsBasic = headers["www-authenticate"].contains { $0.lowercased().hasPrefix("basic") }
        return isBasic.withLock { isBasic in
            guard wantsBasic, !isBasic else { return false }
            isBasic = true
            return true
        }
    }
}
