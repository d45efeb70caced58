{%- macro tonometer(words) -%}
  case
    when regexp_matches({{ words }}, '(?i)goldmann|gat|压平|applanation') then 'GAT'
    when regexp_matches({{ words }}, '(?i)icare|回弹|rebound') then 'iCare'
    when regexp_matches({{ words }}, '(?i)tono-?pen') then 'Tonopen'
    when regexp_matches({{ words }}, '(?i)nct|非接触|non-?contact|气流') then 'NCT'
    else 'unspecified'
  end
{%- endmacro -%}
