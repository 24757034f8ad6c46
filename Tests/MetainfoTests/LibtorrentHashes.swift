import Metainfo

/// The info hashes of the sample content, as made by libtorrent.
struct LibtorrentHashes: Sendable {
    let isSingle: Bool
    let version: Info.Version
    let v1: String?
    let v2: String?

    static let all: [LibtorrentHashes] = [
        .init(
            isSingle: false, version: .v1, v1: "ca451346f4a9b63e6d52fc5188b9957247547b56",
            v2: nil),
        .init(
            isSingle: false, version: .v2, v1: nil,
            v2: "6f0218e51908376ef2d95580fba03aba60817bc0589214102a5e9184fbcf93e2"),
        .init(
            isSingle: false, version: .hybrid, v1: "13a552eb3d2bc74f9b3f7f79565fc0df3952217d",
            v2: "2cd0f4e458176ae96acb5d8e97084207177e888eb94a091953f27488c58bedc3"),
        .init(
            isSingle: true, version: .v1, v1: "f79ceb4d8fc16d3c834bf42ff4c5ac14e7c8cc50",
            v2: nil),
        .init(
            isSingle: true, version: .v2, v1: nil,
            v2: "f73aef1f9de74c36a6aa1dc0bb61c51e2544ea861becf72e153459b08506c5ff"),
        .init(
            isSingle: true, version: .hybrid, v1: "b499e06bbb80c5dd8910a2be4aea0482335de719",
            v2: "b1967a2f3b65739aa57b77018feae397f0d40fe83d495490bcb4af0165b869b6"),
    ]
}
