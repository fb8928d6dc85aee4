/** Providers of addresses to be thrown away that are met most often; subdomains count as well. */
export const disposableDomains: ReadonlySet<string> = new Set(
  `0-mail.com 10minutemail.com 10minutemail.net 1secmail.com 1secmail.net 1secmail.org 20minutemail.com 33mail.com anonaddy.me
   burnermail.io byom.de chacuo.net cock.li crazymailing.com cuvox.de dayrep.com deadaddress.com discard.email discardmail.com
   dispostable.com dropmail.me einrot.com einmalmail.de email-fake.com emailfake.com emailondeck.com emailsensei.com emltmp.com
   fakeinbox.com fakemail.net fakemailgenerator.com fleckens.hu getairmail.com getnada.com grr.la guerrillamail.biz
   guerrillamail.com guerrillamail.de guerrillamail.info guerrillamail.net guerrillamail.org guerrillamailblock.com gustr.com
   harakirimail.com hulapla.de inboxbear.com inboxkitten.com incognitomail.com jetable.org jourrapide.com linshiyouxiang.net
   luxusmail.org mail-temp.com mail-temporaire.fr mail.tm mailcatch.com maildrop.cc mailexpire.com mailforspam.com mailinator.com
   mailinator.net mailmoat.com mailnesia.com mailnull.com mailpoof.com mailsac.com mailtemp.info mailto.plus minuteinbox.com
   mintemail.com moakt.cc moakt.com mohmal.com muellmail.com mvrht.net my10minutemail.com mytemp.email mytrashmail.com nada.email
   nowmymail.com objectmail.com one-time.email owlymail.com pokemail.net proxymail.eu rhyta.com rmqkr.net rppkn.com sharklasers.com
   shieldemail.com smailpro.com sofort-mail.de spam4.me spambog.com spambox.us spamdecoy.net spamex.com spamgourmet.com spamspot.com
   superrito.com teleworm.us temp-mail.io temp-mail.org temp-mail.ru tempail.com tempemail.net tempinbox.com tempmail.com
   tempmail.dev tempmail.net tempmail.plus tempmailaddress.com tempmailo.com tempr.email temporary-mail.net throwam.com
   throwawaymail.com tmail.ws tmailor.com tmpmail.net tmpmail.org trash-mail.com trashmail.com trashmail.de trashmail.io
   trashmail.me trashmail.net trbvm.com wegwerfadresse.de wegwerfemail.de wegwerfmail.de wegwerfmail.net wegwerfmail.org wh4f.org
   yopmail.com yopmail.fr yopmail.net zeroe.ml zetmail.com`
    .trim()
    .split(/\s+/),
);
