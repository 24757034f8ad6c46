import NIOHTTP1
import Synchronization
import Text

/// What proves to a registry who asks.
package struct RegistryCredential: Sendable, Hashable, CustomStringConvertible {
    /// Before the first colon, if there is one.
    let user: String?
    let secret: String

    /// - Parameter text: a token, or `USER:PASSWORD`. Nil for a text that cannot stand in a header.
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
    /// A token goes as the password of any user.
    package var basic: String { "Basic " + Base64.encode(Array("\(user ?? "swoop"):\(secret)".utf8)) }
}

/// How this registry wants the credential. It is found out by its first refusal.
final class Login: Sendable {
    private let credential: RegistryCredential?
    private let isBasic: Mutex<Bool>

    init(_ credential: RegistryCredential?) {
        self.credential = credential
        // A user and a password are what Basic is for.
        isBasic = Mutex(credential?.user != nil)
    }

    var headers: HTTPHeaders {
        guard let credential else { return [:] }
        return ["Authorization": isBasic.withLock { $0 } ? credential.basic : credential.bearer]
    }

    /// Whether the request is to be made again after a 401, in the other form.
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
