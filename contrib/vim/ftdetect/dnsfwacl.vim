autocmd BufNewFile,BufRead /etc/dnsfw/acl,/etc/dnsfw/*.acl,*.dnsfw setfiletype dnsfwacl
