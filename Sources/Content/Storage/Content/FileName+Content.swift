import Files
import Metainfo

extension FileName: CustomStringConvertible {
    /// A name that was checked as part of a torrent.
    package init(_ component: PathComponent) { self.init(checked: component.bytes[...]) }

    /// For people: control and bidi characters escaped.
    package var description: String { DisplayName.escape(bytes) }
}
