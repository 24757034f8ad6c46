import Foundation
import TestSupport

/// libtorrent through its Python binding.
enum Libtorrent {
    /// One peer: reads its orders as JSON, prints `finished` when it has everything.
    private static let script = """
        import json, sys, time, libtorrent as lt
        o = json.loads(sys.argv[1])
        s = lt.session({"listen_interfaces": o["listen"], "enable_dht": False, "enable_lsd": False,
                        "enable_upnp": False,
                        "enable_natpmp": False, "allow_multiple_connections_per_ip": True,
                        "out_enc_policy": int(lt.enc_policy.pe_disabled),
                        "in_enc_policy": int(lt.enc_policy.pe_disabled),
                        "enable_outgoing_utp": False, "enable_incoming_utp": False, "announce_to_all_trackers": True,
                        "allowed_enc_level": 3,
                        "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification})
        if o.get("magnet"):
            p = lt.parse_magnet_uri(o["magnet"])
        else:
            p = lt.add_torrent_params()
            p.ti = lt.torrent_info(o["torrent"])
        p.save_path = o["save"]
        p.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        h = s.add_torrent(p)
        for a in o.get("peers", []): h.connect_peer((a[0], a[1]))
        said = False
        while True:
            s.wait_for_alert(100)
            for a in s.pop_alerts(): print(a.message(), file=sys.stderr, flush=True)
            st = h.status()
            if st.is_seeding and not said:
                said = True
                print("finished", flush=True)
        """

    /// Makes a torrent; `flag` is a flag of libtorrent's create_torrent: v1_only, v2_only, or empty for a hybrid.
    private static let maker = """
        import sys, os, libtorrent as lt
        src, out, tracker, flag = sys.argv[1:5]
        f = lt.file_storage(); lt.add_files(f, src)
        c = lt.create_torrent(f, 65536, flags=getattr(lt.create_torrent, flag) if flag else 0)
        if tracker: c.add_tracker(tracker)
        lt.set_piece_hashes(c, os.path.dirname(src))
        open(out, "wb").write(lt.bencode(c.generate()))
        """

    /// Prints v1 and v2 info hash and the names and sizes of a torrent: a second opinion on what we made.
    private static let reader = """
        import sys, libtorrent as lt
        t = lt.torrent_info(sys.argv[1])
        h = t.info_hashes()
        print(h.v1 if h.has_v1() else "-", h.v2 if h.has_v2() else "-")
        """

    static let python = "/usr/bin/python3"

    static func peer(_ orders: [String: Any], on host: NetworkNamespace?) throws -> Program {
        let json = String(decoding: try JSONSerialization.data(withJSONObject: orders), as: UTF8.self)
        return try Program([python, "-c", script, json], on: host)
    }

    static func create(_ content: String, to torrent: String, tracker: String, flag: String) async throws {
        let ending = try await Program([python, "-c", maker, content, torrent, tracker, flag]).ending()
        guard ending.status == 0 else { throw TimedOut(description: "libtorrent makes no torrent: \(ending)") }
    }

    /// - Returns: hexadecimal, `-` for a hash the torrent does not have.
    static func hashes(_ torrent: String) async throws -> (v1: String, v2: String) {
        let ending = try await Program([python, "-c", reader, torrent]).ending()
        let words = ending.output.split(whereSeparator: \.isWhitespace).map(String.init)
        guard ending.status == 0, words.count == 2 else {
            throw TimedOut(description: "libtorrent cannot read it: \(ending)")
        }
        return (words[0], words[1])
    }
}
