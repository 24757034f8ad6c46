import Foundation
import Hashing

/// The smallest image of a container, as skopeo's `dir:` has it.
enum SampleImage {
    static func make(in place: String) throws -> String {
        func put(_ bytes: [UInt8]) throws -> (digest: String, size: Int) {
            let hex = SHA256.digest(bytes).hex
            try Data(bytes).write(to: URL(fileURLWithPath: "\(place)/\(hex)"))
            return ("sha256:" + hex, bytes.count)
        }
        // The end of a tar archive, and nothing before it.
        let layer = try put([UInt8](repeating: 0, count: 1024))
        let configuration = try put(
            Array(
                #"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["\#(layer.digest)"]}}"#
                    .utf8))
        let manifest = """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
            "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(configuration.digest)",\
            "size":\(configuration.size)},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",\
            "digest":"\(layer.digest)","size":\(layer.size)}]}
            """
        try Data(manifest.utf8).write(to: URL(fileURLWithPath: place + "/manifest.json"))
        try Data("Directory Transport Version: 1.1\n".utf8).write(to: URL(fileURLWithPath: place + "/version"))
        return place
    }
}
