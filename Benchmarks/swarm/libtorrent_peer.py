"""One libtorrent peer; what it is to do stands in its argument as JSON (see programs.py)."""

import json
import pathlib
import sys

import libtorrent

given = json.loads(sys.argv[1])
settings = libtorrent.high_performance_seed()
settings.update({
    "listen_interfaces": given["listen"], "enable_dht": False, "enable_lsd": False, "enable_upnp": False,
    "enable_natpmp": False, "enable_incoming_utp": False, "enable_outgoing_utp": False,
    "in_enc_policy": int(libtorrent.enc_policy.pe_disabled), "out_enc_policy": int(libtorrent.enc_policy.pe_disabled),
    "allow_multiple_connections_per_ip": True, "aio_threads": 4, "hashing_threads": 1,
    "send_socket_buffer_size": 1 << 20, "recv_socket_buffer_size": 1 << 20,
    "alert_mask": libtorrent.alert.category_t.status_notification})
session = libtorrent.session(settings)
torrent = libtorrent.add_torrent_params()
torrent.ti = libtorrent.torrent_info(given["torrent"])
torrent.save_path = given["place"]
torrent.flags &= ~(libtorrent.torrent_flags.auto_managed | libtorrent.torrent_flags.paused)
if given.get("poison"):
    # It takes its bytes for the right ones, and says so to everybody.
    torrent.flags |= libtorrent.torrent_flags.seed_mode
if given.get("seed") and given.get("super"):
    torrent.flags |= libtorrent.torrent_flags.super_seeding
session.add_torrent(torrent)
while True:
    session.wait_for_alert(1000)
    for alert in session.pop_alerts():
        if isinstance(alert, libtorrent.torrent_finished_alert) and not given.get("seed") and not given.get("poison"):
            pathlib.Path(given["done"]).touch()
