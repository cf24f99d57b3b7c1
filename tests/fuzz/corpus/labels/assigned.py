LABELS = [
  'ant', # a
  u'b\xe9e',
]
