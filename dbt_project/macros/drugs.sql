{%- macro drug_route(words, drug_class) -%}
  case
    when {{ words }} is null then null
    when {{ drug_class }} = 'anti_vegf' then 'intravitreal'
    when regexp_matches({{ words }}, '(?i)ophthalmic|滴眼') then 'eye_drop'
    when regexp_matches({{ words }}, '(?i)subcutaneous|injectable suspension|皮下|prefilled syringe') then 'sc'
    when regexp_matches({{ words }}, '(?i)intramuscular|肌') then 'im'
    when regexp_matches({{ words }}, '(?i)inject|infusion|静脉|注射') then 'iv'
    when regexp_matches({{ words }}, '(?i)oral|sublingual|tablet|capsule|片|胶囊') then 'oral'
    else 'other'
  end
{%- endmacro -%}
