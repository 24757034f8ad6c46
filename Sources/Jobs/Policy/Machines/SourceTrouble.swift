/// Why a method receives nothing.
package enum SourceTrouble: Error, Sendable, Hashable, CustomStringConvertible {
    case nameNotResolved(host: String)
    case connectionRefused(host: String)
    /// An HTTP status code that means failure.
    case status(Int)
    case noPeerHasPiece
    /// No byte inside its window for this many seconds.
    case silent(seconds: Int)
    /// The source responds, but with other content; the text says what is wrong.
    case wrongContent(String)
    /// It cannot be used as things are: keys, addresses or certificates are missing or wrong.
    case unusable(String)
    /// Anything else, in words for a person; such trouble passes, and the method goes on trying by itself.
    case other(String)

    /// Whether the method has no source left (section 4 of the contract).
    package var meansNoSource: Bool {
        switch self {
        case .nameNotResolved, .connectionRefused, .noPeerHasPiece, .silent, .wrongContent, .unusable: true
        case .status(let code): code == 403 || code == 404 || code == 410
        case .other: false
        }
    }

    package var description: String {
        switch self {
        case .nameNotResolved(let host): "the name \(host) does not resolve"
        case .connectionRefused(let host): "\(host) refuses the connection"
        case .status(let code): "the server answers \(code)"
        case .noPeerHasPiece: "no peer has the piece"
        case .silent(let seconds): "not one byte came for \(seconds) s"
        case .wrongContent(let text), .unusable(let text), .other(let text): text
        }
    }
}
