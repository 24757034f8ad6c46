import Files
import Metainfo

package struct ScannedFile: Sendable, Hashable {
    /// Path below the top-level name; empty if the content is this one file.
    package let path: SafePath
    /// Whether the owner may execute it.
    package let isExecutable: Bool
    /// The file as it was found: enough to tell later whether it is still the same.
    package let identity: DeviceStamp

    /// In bytes.
    package var length: Int64 { identity.size }
}

/// The files of a content, found but not read.
package struct ScannedContent: Sendable {
    /// The path of the file, or of the directory that contains the files.
    package let root: [UInt8]
    /// The last component of that path.
    package let name: PathComponent
    package let isSingleFile: Bool
    /// In the order of a v2 file tree: component by component, as bytes.
    package let files: [ScannedFile]
    package let warnings: [ScanWarning]
    /// Bytes of all files.
    package let totalLength: Int64

    /// The same with only some of its files.
    package func keeping(_ isKept: (ScannedFile) -> Bool) -> ScannedContent {
        let kept = files.filter(isKept)
        // Sizes come from a file system, so their sum may overflow.
        let total = kept.reduce(Int64(0)) { sum, file in
            let (next, overflow) = sum.addingReportingOverflow(file.length)
            return overflow ? .max : next
        }
        return ScannedContent(
            root: root, name: name, isSingleFile: isSingleFile, files: kept, warnings: warnings, totalLength: total)
    }

    /// Where a file lies.
    private func path(of file: ScannedFile) -> [UInt8] {
        file.path.isEmpty ? root : root + [UInt8(ascii: "/")] + file.path.bytes
    }

    package func systemPath(of file: ScannedFile) -> SystemPath { SystemPath(path(of: file)) }

    /// The same for a person.
    package func displayPath(of file: ScannedFile) -> String { DisplayName.escape(path(of: file)) }
}
