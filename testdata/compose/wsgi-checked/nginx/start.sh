sed "s/\$FLASK_SERVER_ADDR/$FLASK_SERVER_ADDR/" /tmp/default.conf >/etc/nginx/nginx.conf
exec nginx -g 'daemon off;'
