import HTTPOrigin
import Metainfo

/// A torrent's content in a bucket: file i is the object `prefix/<its path>`.
package final class ObjectSource: RangeSource {
    package let layout: ContentLayout
    private let store: ObjectStore
    private let prefix: String

    /// - Parameter prefix: without a slash at its end; empty for the bucket itself. For a single-file torrent it is the
    ///   key of the object.
    package init(store: ObjectStore, prefix: String, layout: ContentLayout) {
        self.store = store
        self.prefix = prefix
        self.layout = layout
    }

    /// Host and port, for a person.
    package var host: String { store.host }

    /// The key of a file of the layout; nil if its name is not UTF-8, because keys must be.
    func key(ofFile file: Int) -> String? {
        var components: [String] = prefix.isEmpty ? [] : [prefix]
        for component in layout.files[file].path.components {
            guard let name = String(validating: component.bytes, as: UTF8.self) else { return nil }
            components.append(name)
        }
        return components.joined(separator: "/")
    }

    package nonisolated(nonsending) func fetch(
        _ run: Range<Int64>, sink: (WebSeedChunk) async -> Bool
    ) async -> WebSeedOutcome {
        await layout.fetch(run, sink: sink) { range, offset in
            guard let key = key(ofFile: range.file) else {
                let reason = "\(host): the name of file \(range.file + 1) is not UTF-8, so no object can have it"
                return .failed(.giveUp(file: range.file, reason: "\(reason)"), next: offset)
            }
            // The entity tag may have changed: the piece hash decides.
            switch await store.read(key: key, range, at: offset, entityTag: nil, sink: sink) {
            case .complete: return .complete
            case .stopped: return .stopped
            case .failed(let error, let next): return .failed(error.problem(file: range.file), next: next)
            }
        }
    }
}
