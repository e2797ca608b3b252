package fn

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

var urlDomain = &types.Func{
	Name:   "url.domain",
	Doc:    "The domain of an address or of a host that one can register, by the public suffix list; null when it has none, as localhost and IP addresses.",
	Params: params{param("s", types.StringT, "address or host")}, Result: types.Nullable(types.StringT),
	Examples: ex(`url.domain("https://shop.example.co.uk/a?b")`, `"example.co.uk"`, `url.domain("shop.example.co.uk")`, `"example.co.uk"`, `url.domain("http://localhost:8080/")`, `null`,
		`url.domain("https://10.0.0.1/")`, `null`, `url.domain("co.uk")`, `null`, `url.domain("Shop.Bücher.example")`, `"bücher.example"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s := strings.TrimSpace(a[0].(string))
		host, _ := addressOf(s).host()
		if host == "" && !strings.Contains(s, "//") {
			host, _ = addressOf("//" + s).host() // a host without a scheme
		}
		if d := registrable(host); d != "" {
			return d, nil
		}
		return nil, nil
	},
}

// registrable gives a host's domain under its public suffix, "" where there is none.
func registrable(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || !isDomain(host) {
		return ""
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return ""
	}
	d, err := publicsuffix.EffectiveTLDPlusOne(ascii)
	if err != nil {
		return ""
	}
	if ascii != host { // as it was written
		if u, err := idna.Lookup.ToUnicode(d); err == nil && utf8.ValidString(u) {
			return u
		}
	}
	return d
}

var emailIsFree = &types.Func{
	Name: "email.is_free", Doc: "Whether an e-mail address is one of a provider of mailboxes for everybody, such as gmail.com: its domain names no company.",
	Params: params{param("s", types.StringT, "address")}, Result: types.BoolT,
	Examples: ex(`email.is_free("ann@gmail.com")`, `true`, `email.is_free("ann@mail.yahoo.co.jp")`, `true`, `email.is_free("ann@example.com")`, `false`, `email.is_free("gmail.com")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, err := normalEmail(a[0].(string))
		if err != nil {
			return false, nil
		}
		_, domain, _ := strings.Cut(s, "@")
		d := registrable(domain)
		label, _, _ := strings.Cut(d, ".")
		return d != "" && (freeDomains[d] || freeLabels[label]), nil
	},
}

// freeLabels are providers that have a domain in many countries: yahoo.fr, gmx.at.
var freeLabels = wordSet("yahoo hotmail outlook live msn gmx yandex ymail rocketmail aol rediffmail protonmail tutanota")

// freeDomains are the others.
var freeDomains = wordSet("gmail.com googlemail.com icloud.com me.com mac.com proton.me pm.me passmail.net tuta.com tutamail.com tuta.io keemail.me " +
	"mail.com email.com usa.com post.com europe.com asia.com consultant.com engineer.com myself.com writeme.com dr.com cheerful.com fastmail.com fastmail.fm hey.com hushmail.com zoho.com zohomail.com " +
	"web.de freenet.de t-online.de posteo.de mailbox.org arcor.de online.de email.de bluewin.ch hispeed.ch sunrise.ch aon.at chello.at " +
	"orange.fr wanadoo.fr free.fr sfr.fr laposte.net neuf.fr bbox.fr numericable.fr skynet.be telenet.be proximus.be ziggo.nl kpnmail.nl planet.nl home.nl hetnet.nl xs4all.nl casema.nl quicknet.nl " +
	"libero.it virgilio.it alice.it tin.it tiscali.it inwind.it iol.it email.it fastwebnet.it telefonica.net terra.es sapo.pt clix.pt netcabo.pt " +
	"btinternet.com sky.com talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk tiscali.co.uk eircom.net online.no telia.com spray.se comhem.se jubii.dk ofir.dk luukku.com " +
	"wp.pl o2.pl onet.pl onet.eu interia.pl interia.eu gazeta.pl op.pl poczta.fm tlen.pl vp.pl seznam.cz centrum.cz email.cz post.cz azet.sk centrum.sk zoznam.sk freemail.hu citromail.hu abv.bg mail.bg inbox.lv " +
	"mail.ru bk.ru list.ru inbox.ru internet.ru rambler.ru lenta.ru ya.ru ukr.net i.ua meta.ua mynet.com " +
	"qq.com foxmail.com 163.com 126.com yeah.net 139.com 189.cn sina.com sina.cn sohu.com aliyun.com tom.com naver.com daum.net hanmail.net nate.com kakao.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp nifty.com " +
	"comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com optonline.net frontier.com roadrunner.com windstream.net rogers.com shaw.ca sympatico.ca telus.net videotron.ca " +
	"uol.com.br bol.com.br terra.com.br ig.com.br globo.com prodigy.net.mx bigpond.com optusnet.com.au iinet.net.au xtra.co.nz sify.com " +
	"mailinator.com guerrillamail.com 10minutemail.com tempmail.com yopmail.com trashmail.com duck.com privaterelay.appleid.com simplelogin.com anonaddy.com mozmail.com")

func wordSet(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}
