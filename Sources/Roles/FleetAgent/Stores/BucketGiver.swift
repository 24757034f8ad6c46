import Fleet
import HTTPTransport
import Metainfo
import ObjectStore
import S3
import Text

/// The sender's part of a job's bucket: puts the content there, and signs URLs for targets without keys.
struct BucketGiver: Sendable {
    /// Seconds for which URLs are signed, and after which new ones are.
    static let validity = 3600.0
    static let renewal = 1800.0

    let place: AgentStores.Place
    let torrent: Torrent
    /// Of the content on this host.
    let path: String

    private var layout: ContentLayout { torrent.info.layout }
    private var files: [Int] { layout.files.indices.filter { !layout.files[$0].isPadding } }

    /// Files that are there already are not sent again.
    /// - Returns: why not all of it is there; nil when it is.
    func upload() async -> String? {
        let hash = torrent.info.hashes.v1?.hex ?? torrent.info.hashes.v2?.hex ?? ""
        for file in files where layout.files[file].length > 0 {
            guard let key = GrantBook.key(ofFile: file, in: layout, below: place.prefix) else {
                return "the name of file \(file + 1) is not UTF-8, so no object can have it"
            }
            let below = layout.files[file].path.components.map { String(decoding: $0.bytes, as: UTF8.self) }
            do throws(ObjectStoreError) {
                _ = try await place.store.upload(
                    file: ([path] + below).joined(separator: "/"), key: key, contentHash: "swoop:\(hash):\(file)")
            } catch {
                return error.description
            }
            if Task.isCancelled { return "it was stopped" }
        }
        return nil
    }

    /// - Parameters:
    ///   - now: by the wall clock here, in seconds since 1970.
    ///   - expires: by control's.
    /// - Returns: nil where this host has no keys, or there are too many files.
    func sign(at now: Double, expires: Double) -> SourceGrant? {
        guard let credentials = place.store.address.credentials, files.count <= SourceGrant.mostFiles else {
            return nil
        }
        let time = S3Timestamp(unixTime: Int64(now))
        var urls: [Secret] = []
        for file in files {
            guard let key = GrantBook.key(ofFile: file, in: layout, below: place.prefix),
                let url = try? place.store.address.place.presigned(
                    key: key, for: Int64(Self.validity), with: credentials, at: time)
            else { return nil }
            urls.append(Secret(url))
        }
        return SourceGrant(expires: expires, urls: urls)
    }
}
