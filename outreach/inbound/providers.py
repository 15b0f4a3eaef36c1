"""Mail providers open to the public: an address at one of them says nothing of who else writes from it."""

from __future__ import annotations

# International ones, and the large ones of the 27 countries.
_NAMES = """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com icloud.com
    me.com mac.com aol.com proton.me protonmail.com pm.me gmx.com gmx.net mail.com zoho.com tutanota.com
    tuta.com fastmail.com yandex.com mail.ru outlook.at outlook.be outlook.cz outlook.de outlook.dk
    outlook.es outlook.fr outlook.hu outlook.ie outlook.it outlook.lv outlook.pt outlook.sk hotmail.be
    hotmail.de hotmail.es hotmail.fr hotmail.gr hotmail.it hotmail.nl hotmail.se hotmail.co.uk live.be
    live.de live.dk live.fr live.ie live.it live.nl live.se yahoo.at yahoo.be yahoo.de yahoo.dk yahoo.es
    yahoo.fi yahoo.fr yahoo.gr yahoo.hu yahoo.ie yahoo.it yahoo.nl yahoo.pl yahoo.pt yahoo.ro yahoo.se
    yahoo.co.uk gmx.at gmx.de web.de t-online.de freenet.de posteo.de mailbox.org arcor.de vodafone.de
    1und1.de aon.at chello.at a1.net skynet.be telenet.be proximus.be scarlet.be abv.bg mail.bg dir.bg
    cytanet.com.cy seznam.cz email.cz centrum.cz atlas.cz volny.cz post.cz mail.dk jubii.dk mail.ee
    hot.ee online.ee neti.ee otenet.gr forthnet.gr in.gr telefonica.net terra.es ono.com luukku.com
    suomi24.fi elisanet.fi kolumbus.fi saunalahti.fi pp.inet.fi orange.fr wanadoo.fr free.fr laposte.net
    sfr.fr neuf.fr bbox.fr numericable.fr net.hr inet.hr t-com.hr vip.hr freemail.hu citromail.hu
    t-online.hu indamail.hu eircom.net libero.it virgilio.it alice.it tin.it tiscali.it fastwebnet.it
    pec.it aruba.it inbox.lt one.lt takas.lt pt.lu internet.lu inbox.lv apollo.lv onvol.net go.net.mt
    maltanet.net ziggo.nl kpnmail.nl kpnplanet.nl planet.nl xs4all.nl home.nl hetnet.nl upcmail.nl wp.pl
    onet.pl op.pl o2.pl interia.pl poczta.onet.pl gazeta.pl tlen.pl vp.pl sapo.pt mail.telepac.pt iol.pt
    netcabo.pt telia.com bredband.net comhem.se spray.se siol.net volja.net amis.net t-2.net azet.sk
    zoznam.sk centrum.sk post.sk pobox.sk
"""

PUBLIC_MAIL_DOMAINS = frozenset(_NAMES.split())
