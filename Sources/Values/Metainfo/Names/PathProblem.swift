/// Why a name from a torrent cannot be used as a path.
public enum PathProblem: String, Error, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case empty = "it is empty"
    case dot = "it is '.'"
    case dotDot = "it is '..', which would leave the destination"
    case slash = "it has a '/' in it"
    case nul = "it has a NUL byte in it"
    case tooLong = "it is longer than 255 bytes, more than a file system holds"
    case pathTooLong = "the whole path is longer than 4,000 bytes"
    case tooDeep = "it lies more than 100 directories deep"
    case noComponents = "the path has no components"

    public var description: String { rawValue }
}
